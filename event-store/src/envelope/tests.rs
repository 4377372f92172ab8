use domain::event::Metadata;
use proptest::prelude::*;

use super::*;

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn assigned() -> RecordedEvent {
    RecordedEvent {
        position: 4711,
        id: EventId(uuid(1)),
        aggregate_type: "task".into(),
        aggregate_id: uuid(2),
        sequence: 3,
        event_type: "task.assigned".into(),
        event_version: "1".into(),
        data: raw(r#"{ "assignee":"01970000-0000-7000-8000-000000000009", "note":"\u00e4é<" }"#),
        metadata: Metadata {
            actor_type: ActorType::User,
            actor_id: Some(UserId(uuid(4))),
            on_behalf_of: Some(UserId(uuid(5))),
            session_id: Some(uuid(6)),
            ip: Some(domain::personal::Sealed("s1.secret".into())),
            user_agent: None,
            request_id: uuid(7),
            correlation_id: uuid(8),
            causation_id: Some(EventId(uuid(9))),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            transport: "http".into(),
            occurred_at: "2026-11-21T05:00:00.000001Z".parse().unwrap(),
            ip_chain: Some(domain::personal::Sealed("s1.0199a8ca-0000-7000-8000-000000000000.chain".into())),
            node: Some("web-1".into()),
            app_version: Some("1.2.3".into()),
            route: Some("POST /v1/tasks/{id}/assign".into()),
            key_hash: Some("ba7816bf".into()),
        },
        recorded_at: "2026-11-21T05:00:00.25Z".parse().unwrap(),
    }
}

fn anonymous() -> RecordedEvent {
    let mut event = assigned();
    event.aggregate_type = "user".into();
    event.event_type = "user.registered".into();
    event.data = raw("{}");
    event.metadata.actor_type = ActorType::Anonymous;
    event.metadata.actor_id = None;
    event.metadata.on_behalf_of = None;
    event.metadata.causation_id = None;
    event.metadata.traceparent = None;
    event
}

fn text(event: &RecordedEvent) -> String {
    String::from_utf8(encode(event).unwrap().to_vec()).unwrap()
}

#[test]
fn bytes_are_a_contract() {
    insta::assert_snapshot!("full", text(&assigned()));
    insta::assert_snapshot!("bare", text(&anonymous()));
}

#[test]
fn decoding_gives_back_what_was_recorded() {
    let read =
        RecordedEvent { aggregate_type: "inbox".into(), event_type: "inbox.read".into(), ..assigned() };
    assert!(text(&read).contains("\"/taskledger/inboxes\""));
    for event in [assigned(), anonymous(), read] {
        let decoded = Envelope::decode(encode(&event).unwrap()).unwrap();
        let direct = Envelope::try_from(event).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{direct:?}"));
    }
}

#[test]
fn without_data_nothing_else_is_missing() {
    for event in [assigned(), anonymous()] {
        let mut expected: serde_json::Value = serde_json::from_str(&text(&event)).unwrap();
        expected.as_object_mut().unwrap().remove("data").unwrap();
        let thin = Envelope::try_from(event).unwrap().without_data();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&thin).unwrap(), expected);
    }
}

#[test]
fn attribute_names_and_values_follow_cloudevents() {
    let value: serde_json::Value = serde_json::from_str(&text(&assigned())).unwrap();
    for (name, value) in value.as_object().unwrap().iter().filter(|(name, _)| *name != "data") {
        assert!(
            name.len() <= 20 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
            "{name}"
        );
        let integer = value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
        assert!(integer || value.as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert_eq!(value["sequence"], "00000000000000004711");
}

#[test]
fn nothing_personal_is_published() {
    assert!(!text(&assigned()).contains("s1.secret"));
}

#[test]
fn foreign_attributes_are_passed_over_and_unusable_ones_refused() {
    let good = text(&assigned());
    let decode = |text: String| Envelope::decode(text.into());
    assert!(decode(good.replacen('{', r#"{"tenant":"x","#, 1)).is_ok());
    for (from, to) in [
        ("00000000000000004711", "-1"),
        ("00000000000000004711", "x"),
        (".v1\"", "\""),
        ("/taskledger/tasks", "/elsewhere"),
        ("\"authtype\":\"user\"", "\"authtype\":\"robot\""),
        ("\"1.0\"", "\"2.0\""),
        ("\"data\":", "\"date\":"),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(decode(good.replace(from, to)).is_err(), "{from} as {to}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_or_are_refused(bytes: Vec<u8>) {
        let _ = Envelope::decode(bytes.into());
    }

    #[test]
    fn payloads_pass_byte_for_byte(text in any::<String>(), position in 1..i64::MAX) {
        let mut event = assigned();
        event.position = position;
        event.data = raw(&format!("{{\"text\" : {}}}", serde_json::to_string(&text).unwrap()));
        let decoded = Envelope::decode(encode(&event).unwrap()).unwrap();
        prop_assert_eq!(decoded.data.get(), event.data.get());
        prop_assert_eq!(decoded.position, position);
    }
}
