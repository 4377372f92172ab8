//! What an intent has set off.

use domain::{ids::EventId, task::TaskEvent};
use serde_json::json;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::store_user,
    world::World,
};

#[tokio::test]
async fn an_intent_is_found_from_any_part_of_it_with_what_it_had_done() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let (writer, intent) = (Writer::new(&world), Uuid::now_v7());
    let asked = domain::event::Metadata { correlation_id: intent, ..metadata(kim) };
    let caused = domain::event::Metadata { causation_id: Some(EventId(Uuid::now_v7())), ..asked.clone() };
    let progress = |to: u8| event::<TaskEvent>(json!({"task.progress_changed": {"from": 0, "to": to}}));
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
