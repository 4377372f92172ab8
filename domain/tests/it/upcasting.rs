//! Everything ever stored can be read, by both ways of reading; nothing unknown is passed over.

use cqrs_es::persist::SerializedEvent;
use domain::{
    announcement::AnnouncementEvent,
    event::{Change, DecodeError, from_stored},
    inbox::InboxEvent,
    notification_rule::NotificationRuleEvent,
    operation::OperationEvent,
    task::{TaskEvent, values::Due},
    upcasters,
    user::UserEvent,
    webhook::WebhookEvent,
};
use serde_json::{Value, json};

use crate::contract::stored_files;

/// Through the upcasters, as cqrs-es loads.
fn load(event_type: &str, event_version: &str, payload: Value) -> Result<TaskEvent, serde_json::Error> {
    let stored = SerializedEvent::new(
        "id".into(),
        1,
        "task".into(),
        event_type.into(),
        event_version.into(),
        payload,
        Value::Null,
    );
    let lifted = upcasters::upcasters().iter().fold(stored, |event, upcaster| {
        assert!(upcaster.can_upcast(&event.event_type, &event.event_version));
        upcaster.upcast(event)
    });
    serde_json::from_value(lifted.payload)
}

#[test]
fn every_file_of_the_contract_is_read() {
    let files = stored_files();
    assert!(files.len() > TaskEvent::TYPES.len());
    for (event_type, version, payload) in files {
        if event_type.starts_with("user.") {
            from_stored::<UserEvent>(&event_type, &version, &payload).unwrap();
        } else if event_type.starts_with("operation.") {
            from_stored::<OperationEvent>(&event_type, &version, &payload).unwrap();
        } else if event_type.starts_with("announcement.") {
            from_stored::<AnnouncementEvent>(&event_type, &version, &payload).unwrap();
        } else if event_type.starts_with("inbox.") {
            from_stored::<InboxEvent>(&event_type, &version, &payload).unwrap();
        } else if event_type.starts_with("webhook.") {
            from_stored::<WebhookEvent>(&event_type, &version, &payload).unwrap();
        } else if event_type.starts_with("notification_rule.") {
            from_stored::<NotificationRuleEvent>(&event_type, &version, &payload).unwrap();
        } else {
            let read: TaskEvent = from_stored(&event_type, &version, &payload).unwrap();
            let loaded = load(&event_type, &version, serde_json::from_str(&payload).unwrap()).unwrap();
            assert_eq!(read, loaded, "{event_type} version {version}");
        }
    }
}

#[test]
fn old_due_dates_become_days() {
    let (_, _, payload) = stored_files()
        .into_iter()
        .find(|(event_type, version, _)| event_type == "task.due_changed" && version == "1")
        .unwrap();
    let date = Due::parse_date("2026-12-24").unwrap();
    let expected = TaskEvent::DueChanged(Change { from: None, to: Some(Due::Date { date }) });
    assert_eq!(from_stored::<TaskEvent>("task.due_changed", "1", &payload).unwrap(), expected);
}

#[test]
fn unknown_types_and_versions_fail() {
    for (event_type, version) in
        [("task.exploded", "1"), ("task.assigned", "2"), ("task.due_changed", "3"), ("task.due_changed", "0")]
    {
        let read = from_stored::<TaskEvent>(event_type, version, "{}");
        assert!(matches!(read, Err(DecodeError::Unknown { .. })), "{event_type} version {version}");
        assert!(load(event_type, version, json!({})).is_err(), "{event_type} version {version}");
    }
    let wrong = from_stored::<TaskEvent>("task.assigned", "1", r#"{"assignee":"nobody"}"#);
    assert!(matches!(wrong, Err(DecodeError::Malformed { .. })));
    let old_and_wrong = from_stored::<TaskEvent>("task.due_changed", "1", "[");
    assert!(matches!(old_and_wrong, Err(DecodeError::Malformed { .. })));
}

#[test]
fn members_added_later_are_ignored() {
    let payload = r#"{"label":"roof","colour":"red"}"#;
    assert!(from_stored::<TaskEvent>("task.label_added", "1", payload).is_ok());
}
