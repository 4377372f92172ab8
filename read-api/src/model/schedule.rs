//! What runs by the clock, for operators.

use domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A job that is done again and again.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Schedule {
    /// Which job: `interface_nightly`.
    pub name: String,
    /// When: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// In which time zone.
    pub zone: String,
    /// Whether a process runs it now.
    pub running: bool,
    /// Its next turn; in the past while it runs, waits after a failure, or no process serves it.
    #[schema(value_type = String, format = DateTime)]
    pub next_time: Timestamp,
    /// The last run; null before the first one.
    #[schema(required)]
    pub last: Option<ScheduleRun>,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScheduleRun {
    /// The turn it was for; of several that were missed, the first.
    #[schema(value_type = String, format = DateTime)]
    pub turn_time: Timestamp,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// `unknown` (under way, or nobody lived to tell), `done`, `failed` (tried again soon).
    pub outcome: String,
    /// Why it failed.
    #[schema(required)]
    pub error: Option<String>,
    /// What the job says of it.
    #[schema(required, value_type = Option<Object>)]
    pub report: Option<Value>,
}
