//! What came of an act: what the system did because of it, whom it told, and what the core system would not take.

use axum::{Json, Router, routing::any};
use domain::policy::Role;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::office::{Office, text};

/// A core system that takes nothing, for good.
async fn closed_core() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let refusal =
        json!({"success": false, "code": "YEAR_CLOSED", "message": "the year is closed", "retryable": false});
    let router = Router::new().fallback(any(async move || Json(refusal)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The states of the deliveries on this channel.
fn states(deliveries: &Value, channel: &str) -> Vec<String> {
    let on_channel = deliveries.as_array().into_iter().flatten().filter(|one| one["channel"] == channel);
    on_channel.map(|one| text(&one["state"])).collect()
}

/// 9, 20, 22: somebody leaves, what they had to do is handed over, and everybody is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_with_all_that_came_of_it() {
    let core = closed_core().await;
    let office = Office::open_with(|command| {
        command.env("INTERFACE_API_URL", &core);
    })
    .await;
    let bob = office.world.person("bob", &[Role::Member]).await;
    let ann = &office.ann;
    for person in [&bob, ann] {
        let wish = json!({"channels": {"assignment": {"email": "now"}}});
        office.does(&person.client, "PUT", "/v1/notification-preferences", wish).await;
    }
    let made = office.does(&ann.client, "POST", "/v1/tasks", json!({"title": "Gutter"})).await;
    let task = text(&made.json()["id"]);
    let assign = json!({"assignees": [bob.id]});
    office.does(&ann.client, "POST", &format!("/v1/tasks/{task}/assign"), assign).await;
    let assigned = format!("/v1/audit/records?target={task}&action=task.assigned");
    let assigned = office.finds(&assigned, |items| !items.is_empty()).await.remove(0);
    // 20: written to bob, and offered to the core system
    let deliveries = format!("/v1/deliveries?event_id={}", text(&assigned["event_id"]));
    let ended = |items: &[Value]| {
        let all = json!(items);
        states(&all, "interface") == ["rejected"] && states(&all, "email") == ["delivered"]
    };
    let told = office.finds(&deliveries, ended).await;
    assert!(told.iter().all(|one| one["event_id"] == assigned["event_id"]), "{told:#?}");
    // 9: bob leaves; what he had to do goes to ann
    let root = office.world.root().await;
    let gone = root.post_matching(&format!("/v1/users/{}/deactivate", bob.id), &json!({})).await.unwrap();
    let position = gone.expect(200).number("position");
    let handed_over = |items: &[Value]| {
        items.len() == 3
            && states(&items[0]["deliveries"], "command").iter().all(|state| state == "delivered")
            && items[1..].iter().all(|event| states(&event["deliveries"], "interface") == ["rejected"])
    };
    let tree = office.finds(&format!("/v1/audit/trace/{position}"), handed_over).await;
    assert_eq!((&tree[0]["type"], &tree[0]["parent"]), (&json!("user.deactivated.v1"), &Value::Null));
    assert!(!states(&tree[0]["deliveries"], "command").is_empty(), "{tree:#?}");
    let mut types: Vec<_> = tree[1..].iter().map(|event| text(&event["type"])).collect();
    types.sort_unstable();
    assert_eq!(types, ["task.assigned.v1", "task.unassigned.v1"]);
    for event in &tree[1..] {
        assert_eq!((&event["parent"], &event["depth"]), (&json!(position), &json!(1)));
        assert_eq!(event["causation_id"], tree[0]["id"]);
    }
    let to_ann = tree[1..].iter().find(|event| event["type"] == "task.assigned.v1").unwrap();
    let told_ann = format!("/v1/deliveries?event_id={}", text(&to_ann["id"]));
    office.finds(&told_ann, |items| states(&json!(items), "email") == ["delivered"]).await;
    let caused =
        format!("/v1/audit/records?correlation={}&sort=recorded_at", text(&tree[0]["correlation_id"]));
    let caused = office.finds(&caused, |items| items.len() >= 3).await;
    assert_eq!(
        (&caused[0]["action"], &caused[0]["auth"]["method"]),
        (&json!("user.deactivated"), &json!("password"))
    );
    for record in &caused[1..] {
        assert_eq!(record["causation_id"], caused[0]["event_id"]);
        assert_eq!((&record["actor"]["type"], &record["auth"]), (&json!("system"), &Value::Null));
    }
    // 22: what the core has not accepted, and why
    let rejected = "/v1/deliveries?channel=interface&state=rejected";
    let rejected = office.finds(rejected, |items| items.len() >= 4).await;
    let attempt = office.asks(&format!("/v1/deliveries/{}", text(&rejected[0]["id"]))).await;
    assert!(attempt.to_string().contains("YEAR_CLOSED"), "{attempt:#}");
    office.world.end();
}
