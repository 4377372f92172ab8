//! What every event carries beside its payload, whoever wrote it, and how payloads are stored.

mod catalogue;
mod pattern;
mod stored;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    ids::{EventId, UserId},
    personal::Sealed,
    time::Timestamp,
};

pub(crate) use catalogue::events;
pub use catalogue::{Change, Nothing};
pub use pattern::EventPattern;
pub use stored::{DecodeError, from_stored, to_stored};

/// A state that knows when its events occurred, which events do not say themselves.
///
/// Loading calls [`occurred`](Timed::occurred) after every `apply` with the event's `occurred_at`; `handle` does so itself.
pub trait Timed {
    /// The event applied last occurred at this time.
    fn occurred(&mut self, at: Timestamp);

    /// When the event applied last occurred.
    fn last_occurred_at(&self) -> Option<Timestamp>;

    /// The time that the next events bear: now, but never before the last event.
    fn effective_time(&self, now: Timestamp) -> Timestamp {
        self.last_occurred_at().map_or(now, |last| last.max(now))
    }
}

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorType {
    /// A person with a session.
    User,
    /// A program with an API key.
    ServiceAccount,
    /// The system itself: schedules, process managers, the first start.
    System,
    /// Nobody known: registration before login.
    Anonymous,
}

impl ActorType {
    /// The wire word, as in `authtype`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServiceAccount => "service_account",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

/// The circumstances of an event, stored beside its payload as a flat JSON object of strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who acted.
    pub actor_type: ActorType,
    /// The acting user or service account; none for the system and for anonymous callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// The person who brought the act in for the actor (import).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// The session that the act belongs to; of a program the API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// The caller's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<Sealed>,
    /// The proxies between the caller and the program, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_chain: Option<Sealed>,
    /// The caller's `User-Agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Sealed>,
    /// The request that carried the command.
    pub request_id: Uuid,
    /// Groups everything that one original intent set off; the first request's id.
    pub correlation_id: Uuid,
    /// The event that this one reacts to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<EventId>,
    /// W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// How the command came in: `http`, `grpc`, `import`, `system`.
    pub transport: String,
    /// When it happened, by the server's clock or by the imported record; never falls within an aggregate.
    pub occurred_at: Timestamp,
    /// The process that took the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Arc<str>>,
    /// The version of its program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<Arc<str>>,
    /// What the request asked for, `POST /v1/tasks/{id}/start`, if one carried the command; over gRPC the request that the
    /// method is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Arc<str>>,
    /// SHA-256 of the request's idempotency key, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<Arc<str>>,
}

/// An event as the log holds it. Its payload is the bytes as stored, never re-encoded.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    /// Place in the whole log, from 1, dense.
    pub position: i64,
    /// The event's id.
    pub id: EventId,
    /// `task`, `user`.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: Uuid,
    /// Number inside the aggregate, from 1.
    pub sequence: i64,
    /// `task.assigned`, without the version.
    pub event_type: String,
    /// `1`: the version of the payload's shape.
    pub event_version: String,
    /// The stored payload.
    pub data: Box<RawValue>,
    /// The stored circumstances.
    pub metadata: Metadata,
    /// When the log took it; never falls from one position to the next.
    pub recorded_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circumstances_are_stored_under_these_names_and_old_ones_have_fewer() {
        let old = r#"{"actor_type":"system","request_id":"0199a8ca-0000-7000-8000-000000000001","correlation_id":"0199a8ca-0000-7000-8000-000000000001","transport":"system","occurred_at":"2026-11-21T05:00:00.000001Z"}"#;
        let mut metadata: Metadata = serde_json::from_str(old).unwrap();
        let stored: serde_json::Value = serde_json::to_value(&metadata).unwrap();
        assert_eq!(stored, serde_json::from_str::<serde_json::Value>(old).unwrap());
        metadata.ip_chain = Some(Sealed("s1.x".to_owned()));
        (metadata.node, metadata.app_version) = (Some("web-1".into()), Some("1.2.3".into()));
        (metadata.route, metadata.key_hash) = (Some("POST /v1/tasks".into()), Some("ba78".into()));
        let stored = serde_json::to_value(&metadata).unwrap();
        let named = ["ip_chain", "node", "app_version", "route", "key_hash"]
            .map(|name| stored[name].as_str().unwrap().to_owned());
        assert_eq!(named, ["s1.x", "web-1", "1.2.3", "POST /v1/tasks", "ba78"]);
        assert_eq!(serde_json::from_value::<Metadata>(stored).unwrap(), metadata);
    }
}
