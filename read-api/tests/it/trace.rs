//! What an intent has set off.

use domain::{event::Metadata, ids::EventId, task::TaskEvent};
use event_store::NewEvent;
use serde_json::json;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::store_user,
    world::World,
};

fn progress(to: u8) -> NewEvent {
    event::<TaskEvent>(json!({"task.progress_changed": {"from": 0, "to": to}}))
}

#[tokio::test]
async fn an_intent_is_found_from_any_part_of_it_with_what_it_had_done() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let (writer, intent) = (Writer::new(&world), Uuid::now_v7());
    let asked = Metadata { correlation_id: intent, ..metadata(kim) };
    let caused = Metadata { causation_id: Some(EventId(Uuid::now_v7())), ..asked.clone() };
    let events = vec![(progress(1), asked), (progress(2), metadata(kim)), (progress(3), caused)];
    writer.append("task", Uuid::now_v7(), events).await;
    let first: Uuid = sqlx::query_scalar("SELECT event_id FROM event_store.events WHERE position = 1")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    for number in 0..25 {
        let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, state, payload) \
             VALUES ($1, $2, 1, 'email', $3, 'failed', '{}')";
        let insert = sqlx::query(sql).bind(Uuid::now_v7()).bind(first).bind(format!("{number:02}"));
        insert.execute(&world.pool).await.unwrap();
    }
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    let path = format!("/v1/audit/trace/{intent}");
    let whole = world.get(&token, &path).await;
    for part in ["1", "3"] {
        assert_eq!(world.get(&token, &format!("/v1/audit/trace/{part}")).await.body, whole.body);
    }
    let (one, three) = (&whole.items()[0], &whole.items()[1]);
    assert_eq!((whole.items().len(), &one["position"], &three["position"]), (2, &json!(1), &json!(3)));
    assert_eq!((&one["actor"]["name"], &one["type"]), (&json!("kim"), &json!("task.progress_changed.v1")));
    assert!(one["causation_id"].is_null() && three["causation_id"].is_string());
    assert_eq!((&one["delivery_count"], one["deliveries"].as_array().unwrap().len()), (&json!(25), 20));
    assert_eq!(one["deliveries"][0]["state"], "failed");
    assert_eq!((&three["delivery_count"], &three["deliveries"]), (&json!(0), &json!([])));
    let page = world.get(&token, &format!("{path}?page_size=1")).await;
    let next = page.body["next_page_token"].as_str().unwrap();
    let rest = world.get(&token, &format!("{path}?page_size=1&page_token={next}")).await;
    assert_eq!((rest.items().len(), &rest.body["next_page_token"]), (1, &json!("")));
}

/// 1 sets off 2 and 3, 2 sets off 4, 4 sets off 5; 6 is another act of the same intent.
#[tokio::test]
async fn what_was_set_off_hangs_below_what_set_it_off() {
    let world = World::new().await;
    let (intent, session) = (Uuid::now_v7(), Uuid::now_v7());
    let events: Vec<_> = (1..=6).map(progress).collect();
    let above = [None, Some(0), Some(0), Some(1), Some(3), None];
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let of = |number: usize| Metadata {
        correlation_id: intent,
        causation_id: above[number].map(|cause: usize| ids[cause]),
        session_id: above[number].is_none().then_some(session),
        ..metadata(Uuid::now_v7())
    };
    let events = events.into_iter().enumerate().map(|(number, event)| (event, of(number))).collect();
    Writer::new(&world).append("task", Uuid::now_v7(), events).await;
    let token = world.token(Uuid::now_v7(), &["auditor"]);
    let (mut path, mut seen) = (format!("/v1/audit/trace/{intent}?page_size=2"), Vec::new());
    // Also where the cause is on a page before.
    loop {
        let page = world.get(&token, &path).await;
        assert_eq!(page.body["causes"], json!([]));
        seen.extend(page.items().iter().map(|entry| {
            let number = |name: &str| entry[name].as_i64();
            (number("position"), number("parent"), number("depth"), entry["session_id"] == json!(session))
        }));
        match page.body["next_page_token"].as_str().unwrap() {
            "" => break,
            next => path = format!("/v1/audit/trace/{intent}?page_size=2&page_token={next}"),
        }
    }
    let tree = [
        (1, None, 0, true),
        (2, Some(1), 1, false),
        (3, Some(1), 1, false),
        (4, Some(2), 2, false),
        (5, Some(4), 3, false),
        (6, None, 0, true),
    ];
    let tree = tree.map(|(position, parent, depth, asked)| (Some(position), parent, Some(depth), asked));
    assert_eq!(seen, tree);
    let whole = world.get(&token, "/v1/audit/trace/5").await;
    let causes = whole.body["causes"].as_array().unwrap();
    let positions: Vec<_> = causes.iter().map(|cause| cause["position"].as_i64().unwrap()).collect();
    assert_eq!((positions, &causes[0]["id"]), (vec![4, 2, 1], &json!(ids[3])));
    assert_eq!(whole.items().len(), 6, "the whole intent, whichever part was asked about");
}

#[tokio::test]
async fn a_trace_of_nothing_is_not_found_and_is_for_auditors_only() {
    let world = World::new().await;
    let (auditor, member) =
        (world.token(Uuid::now_v7(), &["auditor"]), world.token(Uuid::now_v7(), &["member", "operator"]));
    let status = async |token: &str, of: &str| {
        world.get(token, &format!("/v1/audit/trace/{of}")).await.status.as_u16()
    };
    let nobodys = Uuid::now_v7().to_string();
    for (of, expected) in [("7", 404), (&*nobodys, 404), ("0", 400), ("x", 400), ("-1", 400)] {
        assert_eq!(status(&auditor, of).await, expected, "{of}");
        assert_eq!(status(&member, of).await, 403, "{of}");
    }
}
