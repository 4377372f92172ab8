//! The envelope's members in the order they are written; names and kinds follow CloudEvents 1.0.

use std::borrow::Cow;

use domain::{
    event::{ActorType, RecordedEvent},
    ids::{EventId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::EnvelopeError;

const SPEC_VERSION: &str = "1.0";
const SOURCE: &str = "/taskledger/";
const SCHEMA: &str = "urn:taskledger:event:";
const JSON: &str = "application/json";

/// Attribute names are lower-case letters and digits, as CloudEvents wants them.
#[derive(Serialize, Deserialize)]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    pub(super) id: EventId,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    pub(super) subject: Uuid,
    pub(super) time: Timestamp,
    #[serde(borrow)]
    dataschema: Cow<'a, str>,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    /// A string of 20 digits, so that it sorts as text (CloudEvents integers have 32 bits).
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    partitionkey: Uuid,
    pub(super) aggregateversion: i64,
    pub(super) recordedtime: Timestamp,
    pub(super) requestid: Uuid,
    pub(super) correlationid: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) causationid: Option<EventId>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    authtype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) authid: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) onbehalfof: Option<UserId>,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
}

/// `tasks`, `inboxes`.
fn plural(aggregate_type: &str) -> String {
    let ending = if aggregate_type.ends_with('x') { "es" } else { "s" };
    format!("{aggregate_type}{ending}")
}

/// What [`plural`] was made of.
fn singular(plural: &str) -> Option<&str> {
    let with_x = plural.strip_suffix("es").filter(|singular| singular.ends_with('x'));
    with_x.or_else(|| plural.strip_suffix('s'))
}

impl<'a> Wire<'a> {
    pub(super) fn of(event: &'a RecordedEvent) -> Self {
        let metadata = &event.metadata;
        let kind = format!("{}.v{}", event.event_type, event.event_version);
        Self {
            specversion: SPEC_VERSION.into(),
            id: event.id,
            source: format!("{SOURCE}{}", plural(&event.aggregate_type)).into(),
            dataschema: format!("{SCHEMA}{kind}").into(),
            kind: kind.into(),
            subject: event.aggregate_id,
            time: metadata.occurred_at,
            datacontenttype: JSON.into(),
            sequence: format!("{:020}", event.position).into(),
            partitionkey: event.aggregate_id,
            aggregateversion: event.sequence,
            recordedtime: event.recorded_at,
            requestid: metadata.request_id,
            correlationid: metadata.correlation_id,
            causationid: metadata.causation_id,
            traceparent: metadata.traceparent.as_deref().map(Into::into),
            authtype: auth_type(metadata.actor_type).into(),
            authid: metadata.actor_id,
            onbehalfof: metadata.on_behalf_of,
            data: &event.data,
        }
    }

    pub(super) fn position(&self) -> Result<i64, EnvelopeError> {
        let position = self.sequence.parse().map_err(|_| EnvelopeError::Attribute("sequence"))?;
        if position < 1 || self.specversion != SPEC_VERSION {
            return Err(EnvelopeError::Attribute("sequence"));
        }
        Ok(position)
    }

    /// `task.assigned.v1` as `task.assigned` and `1`.
    pub(super) fn split_type(&self) -> Result<(&str, &str), EnvelopeError> {
        self.kind.rsplit_once(".v").ok_or(EnvelopeError::Attribute("type"))
    }

    pub(super) fn aggregate_type(&self) -> Result<&str, EnvelopeError> {
        let plural = self.source.strip_prefix(SOURCE);
        plural.and_then(singular).ok_or(EnvelopeError::Attribute("source"))
    }

    pub(super) fn actor_type(&self) -> Result<ActorType, EnvelopeError> {
        [ActorType::User, ActorType::ServiceAccount, ActorType::System, ActorType::Anonymous]
            .into_iter()
            .find(|actor| auth_type(*actor) == self.authtype)
            .ok_or(EnvelopeError::Attribute("authtype"))
    }
}

/// The words of the CloudEvents auth context extension, which calls nobody known `unauthenticated`.
fn auth_type(actor: ActorType) -> &'static str {
    match actor {
        ActorType::Anonymous => "unauthenticated",
        known => known.as_str(),
    }
}
