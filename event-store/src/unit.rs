//! What is appended: units, all or nothing each.

use std::{borrow::Cow, fmt, sync::Arc};

use domain::ids::EventId;
use uuid::Uuid;

use crate::{Receipt, StoredReceipt};

/// Streams longer than this are worth a snapshot.
pub const SNAPSHOT_AFTER: i64 = 100;

/// Names an aggregate: its type and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AggregateRef {
    /// `task`, `user`: the aggregate's `TYPE`.
    pub kind: &'static str,
    /// The aggregate's id.
    pub id: Uuid,
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// One command's whole effect: everything in it is written in one transaction, or nothing.
///
/// It may hold no event: a stored refusal, an "already so". Units of one batch are decided in order, and each sees the
/// accepted ones before it.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Identifies the unit when it is sent again; a receipt of the same unit counts as its own success.
    pub id: Uuid,
    /// Aggregates written to, each at most once; the first one gives the position of a unit without events.
    pub streams: Vec<StreamAppend>,
    /// Aggregates that the decision was taken from and that must not have moved since.
    pub guards: Vec<Guard>,
    /// Values that must be unique, taken and given up with the events; at most one action per value.
    pub claims: Vec<Claim>,
    /// The answer kept for a retry.
    pub receipt: Option<Receipt>,
}

/// Events for one aggregate.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// Sequence of its last event as the decision saw it; 0 = no event yet.
    pub expected: i64,
    /// The events, in order; the first gets sequence `expected + 1`.
    pub events: Vec<NewEvent>,
    /// The state after the last of `events`.
    pub snapshot: Option<Snapshot>,
}

/// An event to be recorded.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event's id; the same when the unit is sent again.
    pub id: EventId,
    /// `task.assigned`, without the version.
    pub event_type: String,
    /// `1`.
    pub event_version: String,
    /// The bare data object as JSON text, kept byte for byte.
    pub payload: String,
    /// `domain::event::Metadata` as JSON text; shared by the events of a unit.
    pub metadata: Arc<str>,
}

/// The state of an aggregate after a unit's events.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Version of the state's shape (`domain::stored::Stored::SHAPE`).
    pub shape: i32,
    /// The aggregate as JSON text.
    pub state: String,
}

/// An aggregate that the decision relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// Sequence of its last event when it was read; 0 = it did not exist.
    pub sequence: i64,
}

/// A change to a unique value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind of value: `task.external_ref`, `user.email`.
    pub scope: Cow<'static, str>,
    /// The value, or its HMAC in base64url where it is personal (`Sealer::hmac_claim`).
    pub value: String,
    /// Who holds it: an aggregate's id.
    pub owner: Uuid,
    /// What to do with it.
    pub action: ClaimAction,
}

/// Take or release a unique value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimAction {
    /// Refused as taken while another owner holds it; no change if this owner does.
    Take,
    /// Gives it up if this owner holds it; no change otherwise.
    Release,
}

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written, now or by an earlier sending of the same unit.
    Appended {
        /// Position of the unit's last event. Without events: that of the first stream's last event, else the head.
        position: i64,
    },
    /// The receipt's key was used before; nothing was written. The fingerprint is for the caller to compare.
    Replayed(Box<StoredReceipt>),
    /// The aggregate has moved on from `expected`.
    Conflict {
        /// Which of the unit's streams.
        aggregate: AggregateRef,
    },
    /// Another owner holds the value.
    Taken {
        /// The claim's scope.
        scope: Cow<'static, str>,
        /// Who holds it.
        owner: Uuid,
    },
    /// A guarded aggregate has moved on.
    GuardFailed {
        /// Which of the unit's guards.
        aggregate: AggregateRef,
    },
}
