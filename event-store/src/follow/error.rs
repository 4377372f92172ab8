use domain::ids::EventId;
use uuid::Uuid;

/// The consumer and the log do not belong together any more; following on would skip or repeat events.
///
/// Everything that passes (no NATS, no Postgres, a lost consumer) is waited out inside and never comes here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The log was restored or promoted since the consumer began.
    #[error("the log's epoch is {found}, not {expected}: it was restored or promoted")]
    EpochChanged {
        /// The epoch that the consumer knows.
        expected: Uuid,
        /// The epoch of the log.
        found: Uuid,
    },
    /// The consumer has handled events that the log does not hold.
    #[error("the checkpoint {position} is ahead of the log, which ends at {head}")]
    CheckpointAhead {
        /// The consumer's position.
        position: i64,
        /// The log's last position.
        head: i64,
    },
    /// The log holds another event at the checkpoint's position.
    #[error("the log holds event {found} at position {position}, the checkpoint says {expected}")]
    CheckpointMismatch {
        /// The consumer's position.
        position: i64,
        /// The event that the consumer handled there.
        expected: EventId,
        /// The event that the log holds there.
        found: EventId,
    },
    /// The log holds an event that is none: alarm and stop.
    #[error("the event at position {position} is damaged")]
    Damaged {
        /// Where it stands.
        position: i64,
    },
    /// The log itself lacks events: alarm and stop.
    #[error("the log has a hole after position {after}: the next event is at {found}")]
    Hole {
        /// The last position before the hole.
        after: i64,
        /// The first position after the hole.
        found: i64,
    },
}
