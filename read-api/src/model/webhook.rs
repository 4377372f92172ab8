//! Webhooks, for their owners and operators.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An endpoint as it stands. Nothing secret.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Webhook {
    /// The webhook.
    pub id: Uuid,
    /// Sequence of its last event.
    pub version: i64,
    /// Whose it is.
    pub owner: Uuid,
    /// `enabled`, `paused`, `disabled`.
    pub state: String,
    /// `failing`, `gone`.
    #[schema(required)]
    pub disabled_reason: Option<String>,
    /// Where it is.
    pub url: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Events of any of these types.
    pub event_types: Vec<String>,
    /// Only events that meet this.
    #[schema(required)]
    pub filter: Option<String>,
    /// `full`, `thin`.
    pub mode: String,
    /// `none`, `per_aggregate`, `strict`.
    pub ordering: String,
    /// Deliveries per second at most.
    #[schema(required)]
    pub throttle_per_second: Option<u16>,
    /// Headers that go along; `***` in place of their values.
    pub headers: BTreeMap<String, String>,
    /// How calls are signed: `v1`, `v1a`.
    pub signature: String,
    /// From where on it got events.
    pub start: String,
    /// Up to here deliveries exist for all that it wants.
    pub position: i64,
    /// Deliveries that are still to be tried.
    pub unfinished: i64,
    /// Since when nothing has got through.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// When something last did, to the minute.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub last_success_time: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}

/// One try to send an event to an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WebhookAttempt {
    /// The delivery and the number.
    pub id: String,
    /// The event that is sent; of a test the event that asks for it.
    pub event_id: Uuid,
    /// That event's place in the log.
    pub position: i64,
    /// The endpoint.
    pub webhook: Uuid,
    /// What sends it again.
    #[schema(required)]
    pub replay: Option<Uuid>,
    /// From 1.
    pub number: i32,
    /// `scheduled`, `manual`, `replay`.
    pub trigger: String,
    /// `unknown` (under way, or nobody lived to tell), `delivered`, `failed`, `rejected`, `skipped`.
    pub outcome: String,
    /// The status of the answer, or what kept it from coming.
    #[schema(required)]
    pub code: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(required)]
    pub latency_ms: Option<i64>,
    /// What went along; `***` in place of the values of one's own.
    pub headers: BTreeMap<String, String>,
    /// The beginning of the answer.
    #[schema(required)]
    pub response_excerpt: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When the next one was to follow.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_time: Option<Timestamp>,
}
