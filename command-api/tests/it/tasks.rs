//! The life of a task over HTTP.

use serde_json::json;

use crate::api::World;

#[tokio::test]
async fn a_task_lives() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let made =
        api.task(&ann, json!({"title": "Write it down", "labels": ["a"], "assignees": [bob.id]})).await;
    let path = format!("/v1/tasks/{}", made.id());
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!((made.header("etag"), made.version()), (Some("\"1\""), 1));
    assert_eq!(made.header("position").unwrap(), made.json["position"].to_string());
    assert_eq!(made.json["status"], "waiting");

    let started = api.post(&format!("{path}/start"), Some(&bob), json!({})).await.expect(200);
    assert_eq!((started.version(), started.json["status"].as_str()), (2, Some("in_progress")));
    let again = api.post(&format!("{path}/start"), Some(&bob), json!({})).await.expect(200);
    assert_eq!((again.version(), &again.json["position"]), (2, &started.json["position"]));

    let key = made.json["key"].as_str().unwrap();
    let by_key = format!("/v1/tasks/{key}");
    let edited =
        api.call("PATCH", &by_key, Some(&ann), json!({"title": "Better", "priority": "high"}), &[]).await;
    let edited = edited.expect(200);
    assert_eq!((edited.version(), edited.json["title"].as_str()), (4, Some("Better")));

    let deleted = api.call("DELETE", &path, Some(&ann), json!({}), &[]).await.expect(200);
    assert!(deleted.json["purge_time"].is_string());
    api.call("DELETE", &path, Some(&ann), json!({}), &[]).await.refused(404, "NOT_FOUND");
    api.post(&format!("{path}/undelete"), Some(&ann), json!({})).await.expect(200);
    api.post(&format!("{path}/undelete"), Some(&ann), json!({})).await.refused(409, "NOT_DELETED");
}

#[tokio::test]
async fn everything_wrong_with_a_body_is_said_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let body = json!({
        "title": "", "priority": "asap", "due": {"at": "tomorrow"}, "labels": ["ok", 7], "visibility": null,
        "external_ref": {"system": "X Y"}, "parent": "T-1", "assignees": "bob", "stauts": "done", "id": "1",
    });
    let answer = api.post("/v1/tasks", Some(&ann), body).await.refused(422, "VALIDATION_FAILED");
    let found = answer.violations();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    let expected = [
        ("/assignees", "WRONG_TYPE"),
        ("/due/at", "MALFORMED"),
        ("/due/zone", "REQUIRED"),
        ("/external_ref/id", "REQUIRED"),
        ("/external_ref/system", "MALFORMED"),
        ("/id", "MALFORMED"),
        ("/labels/1", "WRONG_TYPE"),
        ("/parent", "MALFORMED"),
        ("/priority", "UNKNOWN_VALUE"),
        ("/stauts", "UNKNOWN_FIELD"),
        ("/title", "EMPTY"),
        ("/visibility", "NULL"),
    ];
    assert_eq!(found, expected);
    assert_eq!(world.count("SELECT count(*) FROM event_store.events WHERE aggregate_type = 'task'").await, 0);
}

#[tokio::test]
async fn a_key_is_found_by_its_index() {
    let world = World::new().await;
    let api = world.api().await;
    let sql = "EXPLAIN SELECT aggregate_id::uuid FROM event_store.events \
         WHERE event_type = 'task.created' AND (payload ->> 'key') COLLATE \"C\" = 'T-7'";
    let plan: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(api.inside.commands.log().pool()).await.unwrap();
    assert!(plan.join("\n").contains("events_by_task_key"), "{plan:?}");
}
