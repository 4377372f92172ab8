//! What is on its way to the outside, for operators.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One effect outside, for one recipient on one channel.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Delivery {
    /// The delivery.
    pub id: Uuid,
    /// The event that caused it, or the run of a schedule.
    pub event_id: Uuid,
    /// That event's place in the log.
    pub position: i64,
    /// `email`, `push`, `interface`, `webhook`; `digest` for a line that waits for somebody's next one; `command` for a step of a process.
    pub channel: String,
    /// Who gets it: the id of a user, or of a webhook (`<webhook>/<replay>` if it is sent again), or what the channel knows by a
    /// name.
    pub recipient: String,
    /// Deliveries of one key go out one after the other.
    #[schema(required)]
    pub order_key: Option<String>,
    /// `pending`, `failed` (to be tried again), `delivered`, `exhausted`, `rejected`, `skipped`, `superseded`.
    pub state: String,
    /// Why it ended so.
    #[schema(required)]
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is to be tried next; null when it has ended, or waits: for its endpoint, the nightly run or an operator.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub due_time: Option<Timestamp>,
    /// When it was decided on.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
}

/// One try to deliver.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Attempt {
    /// From 1.
    pub number: i32,
    /// `scheduled`, `manual`, `replay`.
    pub trigger: String,
    /// `unknown` (under way, or nobody lived to tell), `delivered`, `failed`, `rejected`, `skipped`.
    pub outcome: String,
    /// The protocol's code for it.
    #[schema(required)]
    pub code: Option<String>,
    /// How long it took, in milliseconds.
    #[schema(required)]
    pub latency_ms: Option<i64>,
    /// What was sent, as far as it may be seen.
    #[schema(required)]
    pub request_excerpt: Option<String>,
    /// What was answered, as far as it may be seen.
    #[schema(required)]
    pub response_excerpt: Option<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub start_time: Timestamp,
    /// When the next one was to follow.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub next_time: Option<Timestamp>,
}

/// A delivery with all that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeliveryWithAttempts {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What was tried, the first one first.
    pub tried: Vec<Attempt>,
}
