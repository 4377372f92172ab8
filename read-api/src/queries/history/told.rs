//! What events of any kind changed, for those who look at them one by one.

use std::collections::HashMap;

use domain::event::RecordedEvent;
use event_store::{Log, Sealer};
use serde_json::{Map, Value};
use sqlx::PgPool;

use super::{HistoryError, task, user};
use crate::model::{FieldChange, RecordChange};

/// What one event changed, and why.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Field by field.
    pub changes: Vec<RecordChange>,
    /// Where a reason was given.
    pub reason: Option<String>,
}

/// What stands where something is sealed.
const SEALED: &str = "s1.";

/// What these events changed, by position. What is of a kind or shape unknown here is told as it stands.
pub async fn tell(
    log: &Log,
    sealer: &Sealer,
    users: &PgPool,
    events: &[RecordedEvent],
) -> Result<HashMap<i64, Told>, HistoryError> {
    let mut told = task::tell(log, users, events).await?;
    told.extend(user::tell(sealer, events).await?);
    for event in events {
        told.entry(event.position).or_insert_with(|| as_it_stands(event));
    }
    Ok(told)
}

/// Changes that hide nothing.
pub(super) fn open(changes: Vec<FieldChange>) -> Vec<RecordChange> {
    let open = |FieldChange { field, old, new }| RecordChange { field, old, new, redacted: false };
    changes.into_iter().map(open).collect()
}

fn as_it_stands(event: &RecordedEvent) -> Told {
    let members: Map<String, Value> = serde_json::from_str(event.data.get()).unwrap_or_default();
    let reason = members.get("reason").and_then(Value::as_str).map(str::to_owned);
    let changes = match (members.get("from"), members.get("to")) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => members_between(old, new),
        (Some(old), Some(new)) => vec![shown(field_of(&event.event_type), old.clone(), new.clone())],
        _ => {
            let new = members.into_iter().filter(|(name, value)| name != "reason" && !value.is_null());
            new.map(|(name, value)| shown(name, Value::Null, value)).collect()
        }
    };
    Told { changes, reason }
}

fn members_between(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<RecordChange> {
    let before = |name: &str| old.get(name).cloned().unwrap_or_default();
    let changed = new.iter().filter(|(name, value)| before(name) != **value);
    changed.map(|(name, value)| shown(name.clone(), before(name), value.clone())).collect()
}

/// `title_changed` changes the title.
fn field_of(event_type: &str) -> String {
    let name = event_type.rsplit('.').next().unwrap_or_default();
    name.strip_suffix("_changed").unwrap_or(name).to_owned()
}

fn shown(field: String, mut old: Value, mut new: Value) -> RecordChange {
    let redacted = [&mut old, &mut new].map(hide).contains(&true);
    RecordChange { field, old, new, redacted }
}

/// Takes out what is sealed; says whether there was any.
fn hide(value: &mut Value) -> bool {
    match value {
        Value::String(text) if text.starts_with(SEALED) => {
            *value = Value::Null;
            true
        }
        Value::Array(items) => items.iter_mut().map(hide).fold(false, |any, hidden| any | hidden),
        Value::Object(members) => members.values_mut().map(hide).fold(false, |any, hidden| any | hidden),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
