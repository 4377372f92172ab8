//! The state of the read model itself, for operators.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One of the lanes over which a projection's aggregates are spread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Lane {
    /// Number, from 0.
    pub lane: i16,
    /// Last position handled.
    pub position: i64,
    /// Events of the log that it has yet to look at.
    pub lag_events: i64,
    /// Age of the last event handled, while behind.
    pub lag_seconds: f64,
    /// Events waiting in the parked list.
    pub parked: i32,
}

/// How a projection is doing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProjectionStatus {
    /// `tasks`, `task_search`, `users`, `audit`.
    pub name: String,
    /// The version that queries see.
    pub live_version: i32,
    /// `running` or `stopped`.
    pub state: String,
    /// Why it is stopped.
    #[schema(required)]
    pub reason: Option<String>,
    /// Last position that all lanes have handled.
    pub position: i64,
    /// Position of the log's last event.
    pub head: i64,
    /// `head` less `position`.
    pub lag_events: i64,
    /// Of the lane that is furthest behind.
    pub lag_seconds: f64,
    /// Events waiting in the parked list.
    pub parked: i64,
    /// Its lanes.
    pub lanes: Vec<Lane>,
}

/// An event that a projection could not take in, or that waits behind one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParkedEvent {
    /// Number in the list.
    pub id: i64,
    /// Which projection.
    pub projection: String,
    /// `task` or `user`.
    pub aggregate_type: String,
    /// The task or user.
    pub aggregate_id: Uuid,
    /// The event's place in the log.
    pub position: i64,
    /// The event.
    pub event_id: Uuid,
    /// `task.assigned`.
    pub event_type: String,
    /// What failed; null for an event that only waits behind a failed one.
    #[schema(required)]
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was parked.
    #[schema(value_type = String, format = DateTime)]
    pub park_time: Timestamp,
}
