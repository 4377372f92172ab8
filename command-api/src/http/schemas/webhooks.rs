//! Webhooks.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a webhook.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookPath {
    /// The webhook.
    pub id: Uuid,
}

/// A webhook to be made.
#[derive(Debug, ToSchema)]
pub struct NewWebhook {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// Where it is: `https`, a public name, port 443, no credentials.
    #[schema(max_length = 2000)]
    pub url: String,
    /// What it is for; at most 500 bytes.
    pub description: Option<String>,
    /// Events of any of these types: `task.assigned`, `task.*`, `*`.
    #[schema(min_items = 1, max_items = 50)]
    pub event_types: Vec<String>,
    /// Only events that meet this filter: `priority >= high AND label : "roof"`.
    #[schema(max_length = 2000)]
    pub filter: Option<String>,
    /// `full` (default), or `thin`: without data.
    pub mode: Option<String>,
    /// What waits for what: `none`, `per_aggregate` (default), `strict`.
    pub ordering: Option<String>,
    /// Deliveries per second at most.
    #[schema(minimum = 1, maximum = 1000)]
    pub throttle_per_second: Option<u16>,
    /// Headers that go along; their values are shown nowhere.
    pub headers: Option<BTreeMap<String, String>>,
    /// From where on: `now` (default), `beginning`, a position, or a time.
    pub start: Option<String>,
    /// How calls are signed: `v1` (default) with a secret of both sides, `v1a` with a key of which you get the public half.
    pub signature: Option<String>,
}

/// Changes to a webhook.
#[derive(Debug, ToSchema)]
pub struct EditWebhook {
    /// Where it is.
    #[schema(max_length = 2000)]
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Events of any of these types.
    #[schema(min_items = 1, max_items = 50)]
    pub event_types: Option<Vec<String>>,
    /// Only events that meet this filter; null for all.
    #[schema(max_length = 2000)]
    pub filter: Option<String>,
    /// `full`, `thin`.
    pub mode: Option<String>,
    /// `none`, `per_aggregate`, `strict`.
    pub ordering: Option<String>,
    /// Deliveries per second at most; null for any number.
    #[schema(minimum = 1, maximum = 1000)]
    pub throttle_per_second: Option<u16>,
    /// Headers that go along, all of them.
    pub headers: Option<BTreeMap<String, String>>,
}

/// A webhook as it stands.
#[derive(Debug, ToSchema)]
pub struct WebhookReply {
    /// The webhook.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// Whose it is.
    pub owner: Uuid,
    /// `enabled`, `paused`, `disabled`.
    pub state: String,
    /// `failing`, `gone`.
    pub disabled_reason: Option<String>,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Events of any of these types.
    pub event_types: Vec<String>,
    /// Only events that meet this.
    pub filter: Option<String>,
    /// How much of them.
    pub mode: String,
    /// What waits for what.
    pub ordering: String,
    /// Deliveries per second at most.
    pub throttle_per_second: Option<u16>,
    /// Headers that go along; `***` in place of their values.
    pub headers: BTreeMap<String, String>,
    /// From where on it got events.
    pub start: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
    /// How calls are signed.
    pub signature: String,
    /// What signs with `v1`, `whsec_…`: in the answers that make and rotate it, and never again.
    pub secret: Option<String>,
    /// What verifies with `v1a`, `whpk_…`: in the same answers.
    pub public_key: Option<String>,
}

/// Why a webhook is to get nothing any more.
#[derive(Debug, ToSchema)]
pub struct DisableWebhook {
    /// `failing`, `gone`.
    pub reason: String,
}

/// A test event to be sent.
#[derive(Debug, ToSchema)]
pub struct WebhookTest {
    /// The webhook.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// The id that the test event will bear.
    pub test: Uuid,
}

/// Which events are to be sent again.
#[derive(Debug, ToSchema)]
pub struct ReplayRange {
    /// The first: a position, or a time.
    pub from: String,
    /// The first that is not: a position, or a time; all up to now if absent.
    pub to: Option<String>,
}
