//! Old shapes of events, brought to today's shape one version at a time. Stored events are never changed.

use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde_json::{Map, Value, json};

use crate::{
    announcement::AnnouncementEvent, inbox::InboxEvent, notification_rule::NotificationRuleEvent,
    operation::OperationEvent, task::TaskEvent, user::UserEvent, webhook::WebhookEvent,
};

/// One step: a version of a type and how to make the next one of it.
struct Step {
    event_type: &'static str,
    from: &'static str,
    to: &'static str,
    upcast: fn(Value) -> Value,
}

/// Every step there is; steps of one type in order of version.
const STEPS: &[Step] =
    &[Step { event_type: "task.due_changed", from: "1", to: "2", upcast: due_dates_become_objects }];

/// Version 1 knew only days, as plain strings.
fn due_dates_become_objects(payload: Value) -> Value {
    let object = |due: &Value| match due {
        Value::String(date) => json!({ "date": date }),
        other => other.clone(),
    };
    json!({ "from": object(&payload["from"]), "to": object(&payload["to"]) })
}

/// Every type with the version in which it is written today.
fn types() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let all = [
        TaskEvent::TYPES,
        UserEvent::TYPES,
        OperationEvent::TYPES,
        NotificationRuleEvent::TYPES,
        WebhookEvent::TYPES,
        AnnouncementEvent::TYPES,
        InboxEvent::TYPES,
    ];
    all.into_iter().flatten()
}

/// Every type of event that is written today.
pub fn known_types() -> impl Iterator<Item = &'static str> {
    types().map(|(name, _)| *name)
}

/// The version in which events of this type are written today; none for types unknown here.
pub fn current_version(event_type: &str) -> Option<&'static str> {
    types().find(|(name, _)| *name == event_type).map(|(_, version)| *version)
}

/// Brings a payload to today's version; none if no steps lead there.
pub(crate) fn upcast(event_type: &str, event_version: &str, payload: Value) -> Option<Value> {
    let current = current_version(event_type)?;
    let (version, payload) = STEPS.iter().filter(|step| step.event_type == event_type).fold(
        (event_version, payload),
        |(version, payload), step| {
            if step.from == version { (step.to, (step.upcast)(payload)) } else { (version, payload) }
        },
    );
    (version == current).then_some(payload)
}

/// Wraps a bare payload as the enums of events read it: `{"task.assigned": payload}`.
pub(crate) fn tag(event_type: &str, payload: Value) -> Value {
    Value::Object(Map::from_iter([(event_type.to_owned(), payload)]))
}

/// The same for loading through cqrs-es: one upcaster that lifts every event to today's version and tags it.
///
/// Events of unknown type or version are tagged with a name that no enum has, so that reading them fails.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    vec![Box::new(LiftAndTag)]
}

struct LiftAndTag;

impl EventUpcaster for LiftAndTag {
    fn can_upcast(&self, _event_type: &str, _event_version: &str) -> bool {
        true
    }

    fn upcast(&self, mut event: SerializedEvent) -> SerializedEvent {
        let payload = upcast(&event.event_type, &event.event_version, event.payload);
        event.payload = match (payload, current_version(&event.event_type)) {
            (Some(payload), Some(version)) => {
                event.event_version = version.into();
                tag(&event.event_type, payload)
            }
            _ => tag(&format!("{}.v{}", event.event_type, event.event_version), Value::Null),
        };
        event
    }
}
