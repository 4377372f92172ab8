//! The one form in which events leave the log: CloudEvents 1.0 JSON, encoded once, then passed on as bytes.
//!
//! NATS, SSE, webhooks, pulls, exports and seals all carry exactly the bytes that [`encode`] makes. Encoding is a
//! pure function of the recorded event, so encoding the same event again gives the same bytes.

mod wire;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    event::{ActorType, RecordedEvent},
    ids::{EventId, UserId},
    time::Timestamp,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use wire::Wire;

/// The media type of an encoded envelope.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// An event on its way to consumers: what they dispatch on, and the bytes to pass on.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Place in the whole log, from 1, dense; the sequence of the JetStream message.
    pub position: i64,
    /// The event's id.
    pub id: EventId,
    /// `task`, `user`.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: Uuid,
    /// Number inside the aggregate, from 1.
    pub version: i64,
    /// `task.assigned`, without the version.
    pub event_type: String,
    /// `1`: the version of the payload's shape.
    pub event_version: String,
    /// The stored payload, as it was written.
    pub data: Box<RawValue>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Who acted.
    pub actor_type: ActorType,
    /// The acting user or service account.
    pub actor_id: Option<UserId>,
    /// The person who brought the act in for the actor.
    pub on_behalf_of: Option<UserId>,
    /// The request that carried the command.
    pub request_id: Uuid,
    /// Groups everything that one original intent set off.
    pub correlation_id: Uuid,
    /// The event that this one reacts to.
    pub causation_id: Option<EventId>,
    /// W3C trace context of the request.
    pub traceparent: Option<String>,
    /// The whole as CloudEvents JSON, exactly as published.
    pub bytes: Bytes,
}

/// The bytes are not an envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or an attribute is absent or of the wrong kind.
    #[error("malformed envelope: {0}")]
    Malformed(#[from] serde_json::Error),
    /// An attribute has a value that no envelope of ours has.
    #[error("unusable envelope attribute `{0}`")]
    Attribute(&'static str),
}

/// The CloudEvents JSON of an event; the payload goes in byte for byte.
pub fn encode(event: &RecordedEvent) -> Result<Bytes, EnvelopeError> {
    let mut buffer = Vec::with_capacity(1024 + event.data.get().len());
    serde_json::to_writer(&mut buffer, &Wire::of(event))?;
    Ok(buffer.into())
}

/// The NATS subject of an event: `events.task.assigned.<aggregate uuid>`.
pub fn subject(event_type: &str, aggregate_id: Uuid) -> String {
    format!("events.{event_type}.{}", aggregate_id.as_hyphenated())
}

impl Envelope {
    /// Reads an envelope and keeps its bytes; attributes it does not know are passed over.
    pub fn decode(bytes: Bytes) -> Result<Self, EnvelopeError> {
        let wire: Wire<'_> = serde_json::from_slice(&bytes)?;
        let (event_type, event_version) = wire.split_type()?;
        Ok(Self {
            position: wire.position()?,
            id: wire.id,
            aggregate_type: wire.aggregate_type()?.to_owned(),
            aggregate_id: wire.subject,
            version: wire.aggregateversion,
            event_type: event_type.to_owned(),
            event_version: event_version.to_owned(),
            data: wire.data.to_owned(),
            occurred_at: wire.time,
            recorded_at: wire.recordedtime,
            actor_type: wire.actor_type()?,
            actor_id: wire.authid,
            on_behalf_of: wire.onbehalfof,
            request_id: wire.requestid,
            correlation_id: wire.correlationid,
            causation_id: wire.causationid,
            traceparent: wire.traceparent.as_deref().map(str::to_owned),
            bytes: bytes.clone(),
        })
    }
}

impl Envelope {
    /// What is said to happen later than this after the log takes it is ahead. The clocks of two machines differ by less.
    pub const AHEAD: TimeDelta = TimeDelta::seconds(1);

    /// Whether `time` is ahead for what the log took when it took this.
    pub fn is_taken_before(&self, time: DateTime<Utc>) -> bool {
        time > self.recorded_at.as_datetime() + Self::AHEAD
    }

    /// The same CloudEvent without its data, for receivers that ask for what they need.
    pub fn without_data(&self) -> Bytes {
        // It is the last member, byte for byte as it was stored.
        let data = r#","data":"#.len() + self.data.get().len() + "}".len();
        [&self.bytes[..self.bytes.len() - data], b"}"].concat().into()
    }
}

impl TryFrom<RecordedEvent> for Envelope {
    type Error = EnvelopeError;

    fn try_from(event: RecordedEvent) -> Result<Self, Self::Error> {
        let bytes = encode(&event)?;
        let metadata = event.metadata;
        Ok(Self {
            position: event.position,
            id: event.id,
            aggregate_type: event.aggregate_type,
            aggregate_id: event.aggregate_id,
            version: event.sequence,
            event_type: event.event_type,
            event_version: event.event_version,
            data: event.data,
            occurred_at: metadata.occurred_at,
            recorded_at: event.recorded_at,
            actor_type: metadata.actor_type,
            actor_id: metadata.actor_id,
            on_behalf_of: metadata.on_behalf_of,
            request_id: metadata.request_id,
            correlation_id: metadata.correlation_id,
            causation_id: metadata.causation_id,
            traceparent: metadata.traceparent,
            bytes,
        })
    }
}
