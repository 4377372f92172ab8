//! How the core system stands, for operators.

use domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the core system has yet to take, and what was done about it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InterfaceStatus {
    /// Changes that were not tried yet, those that wait behind an earlier change of their task among them.
    pub pending: i64,
    /// Changes that are tried again within minutes.
    pub retrying: i64,
    /// Changes that wait for the nightly run or an operator.
    pub waiting: i64,
    /// When the oldest of all these was decided on; null if there is none.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub oldest_time: Option<Timestamp>,
    /// Whether it is called; of several processes, as the one sees it that thinks worst of it. Null if nobody calls it.
    #[schema(required)]
    pub breaker: Option<Breaker>,
    /// The last nightly runs, the newest first; at most 30.
    pub runs: Vec<InterfaceRun>,
}

/// After five troubles in a row the core system is left alone for a while, then asked with one change.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Breaker {
    /// `closed` (it is called), `open` (it is left alone), `probing` (one call is on its way to see).
    pub state: String,
    /// Troubles in a row, while it is called.
    pub failures: i32,
    /// No other call before; null while it is called.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub until_time: Option<Timestamp>,
}

/// A nightly run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InterfaceRun {
    /// The run; mails about it bear it as their `event_id`.
    pub id: Uuid,
    /// For which night.
    #[schema(value_type = String, format = DateTime)]
    pub turn_time: Timestamp,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
    /// `done`, `failing` (stopped, as most of what was tried failed), `silent` (stopped, as nothing came back); null until it ends.
    #[schema(required)]
    pub outcome: Option<String>,
    /// Counts, and the first of the changes that were not taken.
    #[schema(required, value_type = Option<Object>)]
    pub report: Option<Value>,
}
