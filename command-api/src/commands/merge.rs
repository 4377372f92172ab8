//! `base_version`: what others have done since, and whether it touches the same fields.

use std::collections::BTreeSet;

use domain::{
    event::{RecordedEvent, from_stored},
    ids::TaskId,
    task::{Field, TaskCommand, TaskEvent},
};
use event_store::Log;
use serde_json::{Value, json};

use super::{FieldConflict, Refusal};

/// More events in between are not looked through: the client has been away for too long.
const MAX_BETWEEN: i64 = 1_000;
/// Events shown at most, the latest ones.
const MAX_SHOWN: usize = 100;

/// Refuses the command if events after `base` touch its fields.
pub(super) async fn check(
    log: &Log,
    task: TaskId,
    command: &TaskCommand,
    base: i64,
    current: i64,
) -> Result<(), Refusal> {
    if base > current {
        return Err(Refusal::BaseAhead { current });
    }
    if base == current {
        return Ok(());
    }
    let events = log.read_aggregate("task", task.0, base, MAX_BETWEEN).await?;
    let mut fields = BTreeSet::new();
    for event in &events {
        fields.extend(field(event).filter(|field| command.touches(field)));
    }
    if current - base > MAX_BETWEEN {
        fields.extend(command.fields());
    }
    if fields.is_empty() {
        return Ok(());
    }
    let fields = fields.iter().map(Field::to_string).collect();
    let shown = &events[events.len().saturating_sub(MAX_SHOWN)..];
    let events = shown.iter().map(shape).collect();
    Err(Refusal::FieldConflict(Box::new(FieldConflict { current, fields, events })))
}

fn field(event: &RecordedEvent) -> Option<Field> {
    let payload = event.data.get();
    from_stored::<TaskEvent>(&event.event_type, &event.event_version, payload).ok()?.field()
}

fn shape(event: &RecordedEvent) -> Value {
    json!({
        "version": event.sequence,
        "position": event.position,
        "type": format!("{}.v{}", event.event_type, event.event_version),
        "occurred_at": event.metadata.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": {"type": event.metadata.actor_type, "id": event.metadata.actor_id},
        "data": serde_json::from_str::<Value>(event.data.get()).unwrap_or_default(),
    })
}
