//! A task or user as it was, and what lies between two of its moments.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{FieldChange, HistoryEntry, Task, User};

/// A task after one of its events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Revision {
    /// Which of its events: the version.
    pub version: i64,
    /// Where that event stands in the log.
    pub position: i64,
    /// What the event changed, and who did it.
    #[schema(required)]
    pub entry: Option<HistoryEntry>,
    /// The task after it.
    pub task: Task,
    /// The version before; null for the first.
    #[schema(required)]
    pub previous: Option<i64>,
    /// The version after; null for the latest.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A user after one of his events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserRevision {
    /// Which of his events: the version.
    pub version: i64,
    /// Where that event stands in the log.
    pub position: i64,
    /// What the event changed, and who did it.
    #[schema(required)]
    pub entry: Option<HistoryEntry>,
    /// The user after it.
    pub user: User,
    /// The version before; null for the first.
    #[schema(required)]
    pub previous: Option<i64>,
    /// The version after; null for the latest.
    #[schema(required)]
    pub next: Option<i64>,
}

/// One side of a comparison.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevisionRef {
    /// Of the last event until then.
    pub version: i64,
    /// Of that event.
    pub position: i64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
}

/// What is different between two moments; what changed and changed back is not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Difference {
    /// The one.
    pub from: RevisionRef,
    /// The other.
    pub to: RevisionRef,
    /// Fields that differ.
    pub changes: Vec<FieldChange>,
}
