//! Events as they leave the log.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// A CloudEvent 1.0, the same bytes on every transport. What clients do not know in it they pass over.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// The event's id: who has handled it once need not handle it again.
    pub id: Uuid,
    /// `/taskledger/tasks`
    pub source: String,
    /// `task.assigned.v1`
    #[serde(rename = "type")]
    pub kind: String,
    /// The task or user.
    pub subject: Uuid,
    /// When it happened.
    #[schema(format = DateTime)]
    pub time: String,
    /// `urn:taskledger:event:task.assigned.v1`
    pub dataschema: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The position, as 20 digits.
    pub sequence: String,
    /// The same as `subject`: events of one key keep their order.
    pub partitionkey: Uuid,
    /// The version of the task or user after it.
    pub aggregateversion: i64,
    /// When the log took it.
    #[schema(format = DateTime)]
    pub recordedtime: String,
    /// The request that caused it.
    pub requestid: Uuid,
    /// Groups what one intent has set off.
    pub correlationid: Uuid,
    /// The event that it reacts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// W3C trace context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// `user`, `service_account`, `system` or `unauthenticated`
    pub authtype: String,
    /// Who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authid: Option<Uuid>,
    /// The person who brought it in for who acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onbehalfof: Option<Uuid>,
    /// What happened; its shape follows from `type`.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

/// What a pull brings.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// Events that the caller may see and asks for, in the order of the log.
    #[schema(value_type = Vec<Event>)]
    pub items: Vec<Box<RawValue>>,
    /// Where to go on: everything up to there was looked at.
    pub after: i64,
    /// Of which log that is a place: `epoch` of the next pull.
    pub epoch: Uuid,
    /// There is nothing behind it for now.
    pub caught_up: bool,
}
