//! What of an event or a row of the audit log says whether it is asked for, and what spreadsheets show of it.

use domain::{export::Exported, ids::UserId};
use event_store::{
    envelope::Envelope,
    seals::{Exhibit, Ledger},
};
use serde::Deserialize;
use uuid::Uuid;

use super::ExportError;

/// One line to be.
pub(super) enum Entry {
    Event(Box<Envelope>),
    Record(Box<Record>),
}

/// A row of the audit log, as far as it is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    position: i64,
    id: Uuid,
    action: String,
    outcome: String,
    status: Option<i32>,
    code: Option<String>,
    actor: Option<UserId>,
    session: Option<Uuid>,
    occurred_at: String,
    recorded_at: String,
    request_id: Uuid,
    correlation_id: Uuid,
    method: Option<String>,
    route: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    count: i64,
    methods: Option<Vec<String>>,
    node: Option<String>,
    app_version: Option<String>,
    actor_type: Option<String>,
    trace_id: Option<String>,
    key_hash: Option<String>,
    transport: Option<String>,
}

/// The columns of events; new ones come at the end, as below.
pub(super) const OF_EVENTS: [&str; 16] = [
    "position",
    "id",
    "type",
    "subject",
    "occurred",
    "recorded",
    "actor",
    "correlation",
    "data",
    "subject_type",
    "version",
    "actor_type",
    "on_behalf_of",
    "request",
    "causation",
    "trace",
];

/// The columns of the audit log.
pub(super) const OF_RECORDS: [&str; 24] = [
    "position",
    "id",
    "action",
    "outcome",
    "status",
    "code",
    "actor",
    "session",
    "occurred",
    "recorded",
    "request",
    "correlation",
    "method",
    "route",
    "target_type",
    "target_id",
    "count",
    "methods",
    "node",
    "app_version",
    "actor_type",
    "trace_id",
    "key_hash",
    "transport",
];

impl Entry {
    pub(super) fn read(ledger: Ledger, exhibit: &Exhibit) -> Result<Self, ExportError> {
        let unreadable = |reason: String| ExportError::Unreadable { position: exhibit.position, reason };
        match ledger {
            Ledger::Events => {
                let event = Envelope::decode(exhibit.bytes.clone());
                event.map(Box::new).map(Self::Event).map_err(|error| unreadable(error.to_string()))
            }
            Ledger::Audit => {
                let record = serde_json::from_slice(&exhibit.bytes);
                record.map(Self::Record).map_err(|error| unreadable(error.to_string()))
            }
        }
    }

    pub(super) fn exported(&self) -> Exported<'_> {
        match self {
            Self::Event(event) => Exported {
                what: &event.event_type,
                aggregate: Some(event.aggregate_id),
                actor: event.actor_id,
                correlation: Some(event.correlation_id),
            },
            Self::Record(record) => Exported {
                what: &record.action,
                aggregate: record.target_id.as_deref().and_then(|id| Uuid::try_parse(id).ok()),
                actor: record.actor,
                correlation: Some(record.correlation_id),
            },
        }
    }

    /// A text for each column.
    pub(super) fn cells(&self) -> Vec<String> {
        match self {
            Self::Event(event) => cells_of(event),
            Self::Record(record) => vec![
                record.position.to_string(),
                record.id.to_string(),
                record.action.clone(),
                record.outcome.clone(),
                text(record.status),
                text(record.code.as_ref()),
                text(record.actor.map(|id| id.0)),
                text(record.session),
                record.occurred_at.clone(),
                record.recorded_at.clone(),
                record.request_id.to_string(),
                record.correlation_id.to_string(),
                text(record.method.as_ref()),
                text(record.route.as_ref()),
                text(record.target_type.as_ref()),
                text(record.target_id.as_ref()),
                record.count.to_string(),
                record.methods.as_deref().unwrap_or_default().join(" "),
                text(record.node.as_ref()),
                text(record.app_version.as_ref()),
                text(record.actor_type.as_ref()),
                text(record.trace_id.as_ref()),
                text(record.key_hash.as_ref()),
                text(record.transport.as_ref()),
            ],
        }
    }
}

/// All that an envelope has: whatever is new in one must have its place here.
fn cells_of(event: &Envelope) -> Vec<String> {
    let Envelope {
        position,
        id,
        aggregate_type,
        aggregate_id,
        version,
        event_type,
        event_version,
        data,
        occurred_at,
        recorded_at,
        actor_type,
        actor_id,
        on_behalf_of,
        request_id,
        correlation_id,
        causation_id,
        traceparent,
        bytes: _,
    } = event;
    vec![
        position.to_string(),
        id.0.to_string(),
        format!("{event_type}.v{event_version}"),
        aggregate_id.to_string(),
        occurred_at.to_string(),
        recorded_at.to_string(),
        text(actor_id.map(|id| id.0)),
        correlation_id.to_string(),
        data.get().to_owned(),
        aggregate_type.clone(),
        version.to_string(),
        actor_type.as_str().to_owned(),
        text(on_behalf_of.map(|id| id.0)),
        request_id.to_string(),
        text(causation_id.map(|id| id.0)),
        text(traceparent.as_ref()),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
