//! The frame of an entry: who, when, in which request.

use std::collections::HashMap;

use domain::event::{Metadata, RecordedEvent};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Actor, FieldChange, HistoryEntry, Person};

/// Names of users; who is not in it is unknown or erased.
pub(in crate::queries) type Names = HashMap<Uuid, String>;

/// The users whose names the frame shows.
pub(in crate::queries) fn people(metadata: &Metadata) -> impl Iterator<Item = Uuid> + use<> {
    metadata.actor_id.into_iter().chain(metadata.on_behalf_of).map(|id| id.0)
}

pub(super) fn entry(
    event: &RecordedEvent,
    changes: Vec<FieldChange>,
    reason: Option<String>,
    names: &Names,
) -> HistoryEntry {
    let metadata = &event.metadata;
    HistoryEntry {
        position: event.position,
        version: event.sequence,
        kind: format!("{}.v{}", event.event_type, event.event_version),
        occurred_at: metadata.occurred_at,
        recorded_at: event.recorded_at,
        actor: actor(metadata, names),
        on_behalf_of: metadata.on_behalf_of.map(|id| person(id.0, names)),
        changes,
        reason,
        request_id: metadata.request_id,
        correlation_id: metadata.correlation_id,
    }
}

/// Who acted.
pub(in crate::queries) fn actor(metadata: &Metadata, names: &Names) -> Actor {
    let id = metadata.actor_id.map(|id| id.0);
    Actor { kind: metadata.actor_type.as_str(), id, name: id.and_then(|id| names.get(&id).cloned()) }
}

pub(super) fn person(id: Uuid, names: &Names) -> Person {
    Person { id, name: names.get(&id).cloned() }
}

/// One field before and after.
pub(super) fn change(field: impl ToString, old: Value, new: Value) -> FieldChange {
    FieldChange { field: field.to_string(), old, new }
}

/// A value as JSON; the values of events always have a JSON form.
pub(super) fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
