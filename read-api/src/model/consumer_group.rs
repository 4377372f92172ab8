//! Consumer groups: bookmarks in the log that the server keeps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

/// A consumer group of one's own.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub struct ConsumerGroup {
    /// Its name, one's own.
    pub name: String,
    /// Which events it gets.
    #[serde(flatten)]
    #[sqlx(json)]
    pub interest: GroupInterest,
    /// Everything up to there is finished, but for what is parked or waits for another try.
    pub position: i64,
    /// Of which log that is a place.
    pub epoch: Uuid,
    /// How many events the log has beyond it, whether they are for the group or not.
    pub lag: i64,
    /// Whether anybody consumes it now.
    pub consumed: bool,
    /// Handed out and not finished yet, a second ago.
    pub in_flight: i32,
    /// Events that somebody has to look after.
    pub parked: i64,
    /// Events that wait for another try, or behind such a one or a parked one of their task or user.
    pub waiting: i64,
    /// How many events were ever skipped.
    pub skipped: i64,
    /// When it was made.
    #[schema(format = DateTime)]
    pub create_time: DateTime<Utc>,
    /// When it was used last. It is gone thirty days later.
    #[schema(format = DateTime)]
    pub use_time: DateTime<Utc>,
}

/// Which events a consumer group gets; what is not said is not asked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupInterest {
    /// Any of these types, `task.assigned`, or all that begin alike, `task.*`; none: of all.
    #[serde(default)]
    pub types: Vec<String>,
    /// What happened to this task or user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Uuid>,
    /// What this user has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Uuid>,
    /// An expression over the event, and its task as it was after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

/// A consumer group to be made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsumerGroupRequest {
    /// Any of these types, `task.assigned`, or all that begin alike, `task.*`; none: of all.
    #[schema(nullable = false)]
    pub types: Option<Vec<String>>,
    /// What happened to this task or user.
    #[schema(nullable = false)]
    pub aggregate: Option<Uuid>,
    /// What this user has done, or `me`.
    #[schema(nullable = false)]
    pub actor: Option<String>,
    /// An expression over the event, and its task as it was after it: `priority = urgent AND type = task.created`.
    #[schema(nullable = false)]
    pub filter: Option<String>,
    /// `now` (where nothing is said), `beginning`, a position, or a time: the first event it gets. Counts when it is made.
    #[schema(nullable = false)]
    pub start: Option<String>,
}

/// Where a consumer group is to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeekRequest {
    /// `now`, `beginning`, a position, or a time: the next event it gets.
    pub to: String,
}

/// Which parked events are meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayRequest {
    /// These positions, at most 1000; all where nothing is said.
    #[schema(nullable = false)]
    pub positions: Option<Vec<i64>>,
}

/// Which parked events are meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkipRequest {
    /// These positions, at most 1000.
    pub positions: Vec<i64>,
}

/// What has become of parked events.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettledEvents {
    /// How many were parked, of those that were meant.
    pub events: i64,
}

/// An event that a consumer group could not handle.
#[derive(Debug, Serialize, ToSchema, FromRow)]
pub struct ParkedGroupEvent {
    /// Its place in the log: `/v1/events/{position}` shows it.
    pub position: i64,
    /// The task or user.
    pub subject: Uuid,
    /// How often it was handed out.
    pub attempts: i32,
    /// What the consumer has said.
    pub reason: Option<String>,
    /// When it was parked.
    #[schema(format = DateTime)]
    pub park_time: DateTime<Utc>,
    /// Events of the same task or user that wait behind it.
    pub behind: i64,
}
