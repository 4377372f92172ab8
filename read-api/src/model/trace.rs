//! What an intent has set off, for auditors.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Actor, Delivery};

/// One event of an intent, with what it had done outside.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TraceEntry {
    /// Place in the log.
    pub position: i64,
    /// The event.
    pub id: Uuid,
    /// The event's type with its version.
    #[serde(rename = "type")]
    #[schema(example = "task.assigned.v1")]
    pub kind: String,
    /// What it happened to.
    pub aggregate: TracedAggregate,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// The request that it was part of.
    pub request_id: Uuid,
    /// The intent that all events here have in common.
    pub correlation_id: Uuid,
    /// The event that the system reacted to with this one; null where somebody else asked for it.
    #[schema(required)]
    pub causation_id: Option<Uuid>,
    /// What went outside because of it, the first 20; whom it went to is not told in clear.
    pub deliveries: Vec<Delivery>,
    /// How many there are.
    pub delivery_count: i64,
}

/// A task, a user …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TracedAggregate {
    /// `task`, `user` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// Its version after the event.
    pub version: i64,
}
