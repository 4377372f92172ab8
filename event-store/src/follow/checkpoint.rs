use domain::ids::EventId;

/// The last event that a consumer has handled, as it keeps it beside its effects.
///
/// A position alone does not name an event for ever: after a restore the log may hold another event there. The pair
/// does, so a consumer of the wrong log is found out before it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Position of that event; 0 = none yet.
    pub position: i64,
    /// Id of that event; none = unknown, then only the position is compared.
    pub event_id: Option<EventId>,
}

impl Checkpoint {
    /// Before the first event.
    pub const BEGINNING: Self = Self { position: 0, event_id: None };

    /// After this event.
    pub fn at(position: i64, event_id: EventId) -> Self {
        Self { position, event_id: Some(event_id) }
    }
}
