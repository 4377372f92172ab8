//! What an intent has set off, for auditors.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Actor, Delivery};

/// A page of what an intent has set off: a tree, in the order of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trace {
    /// The events. Whoever puts each below its `parent` has the tree: a parent comes before its children.
    pub items: Vec<TraceEntry>,
    /// Gets the next page; empty on the last one.
    pub next_page_token: String,
    /// What the event that was asked for by its position was caused by: its cause, the cause of that, up to the root.
    pub causes: Vec<TraceCause>,
    /// How many events there are on all pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

/// An event that another one reacted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TraceCause {
    /// Place in the log.
    pub position: i64,
    /// The event.
    pub id: Uuid,
}

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
    /// The position of that event, below which this one hangs; null at a root.
    #[schema(required)]
    pub parent: Option<i64>,
    /// How many events are above it; 0 at a root.
    pub depth: usize,
    /// The session, or API key, that it was asked for with: what else was done in it, `GET /v1/audit/records?session=` has.
    #[schema(required)]
    pub session_id: Option<Uuid>,
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
