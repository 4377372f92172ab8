//! What of a group is written down.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

/// An event that a group has not finished and does not wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub(crate) struct Listed {
    pub(crate) position: i64,
    pub(crate) aggregate_id: Uuid,
    /// How often it was handed out.
    pub(crate) attempts: i32,
    /// Not handed out before; none: when it is its turn.
    pub(crate) due_at: Option<DateTime<Utc>>,
    /// Not handed out until somebody looks after it.
    pub(crate) parked_at: Option<DateTime<Utc>>,
    /// Why it was not finished.
    pub(crate) reason: Option<String>,
}

/// How far a group has come, and what has changed in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) position: i64,
    /// Beyond the position.
    pub(super) finished: Vec<i64>,
    /// Skipped since it was last written.
    pub(super) skipped: i64,
    pub(super) listed: Vec<Listed>,
    /// Not listed any more.
    pub(super) settled: Vec<i64>,
}
