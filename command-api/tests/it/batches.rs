//! Many commands in one request.

use serde_json::json;

use crate::api::{Api, Person, World};

async fn send(api: &Api, person: &Person, key: &str, body: serde_json::Value) -> crate::api::Answer {
    api.call("POST", "/v1/tasks/batch", Some(person), body, &[("idempotency-key", key)]).await
}

#[tokio::test]
async fn together_or_not_at_all() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let before = api.task(&ann, json!({"title": "before"})).await;
    let commands = json!([
        {"op": "create", "temp_id": "a", "data": {"title": "parent"}},
        {"op": "create", "temp_id": "b", "data": {"title": "child", "parent": "a"}},
        {"op": "start", "id": "b"},
        {"op": "add_comment", "id": "b", "data": {"text": "well"}},
        {"op": "add_relation", "id": before.json["key"], "data": {"type": "blocks", "task": "b"}},
        {"op": "update", "id": before.id(), "base_version": 1, "data": {"title": "after"}},
    ]);
    let done = send(&api, &ann, "k1", json!({"commands": commands})).await.expect(200);
    let results = done.json["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 200, 200]);
    assert_eq!(results[3]["body"]["version"], 3);
    assert_eq!(results[5]["body"]["version"], 3);
    assert_eq!(done.json["temp_ids"]["b"], results[1]["body"]["id"]);
    assert_eq!(done.header("position").unwrap(), done.json["position"].to_string());
    let again = send(&api, &ann, "k1", json!({"commands": commands})).await.expect(200);
    assert_eq!((again.text, again.headers.contains_key("idempotent-replayed")), (done.text, true));

    let head = world.count("SELECT max(position) FROM event_store.events").await;
    let half = json!([{"op": "create", "data": {"title": "x"}}, {"op": "resume", "id": before.id()}]);
    let refused =
        send(&api, &ann, "k2", json!({"commands": half})).await.refused(409, "TRANSITION_NOT_ALLOWED");
    assert_eq!(refused.json["index"], 1);
    assert_eq!(world.count("SELECT max(position) FROM event_store.events").await, head);
}

#[tokio::test]
async fn one_by_one_with_a_result_for_each() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let commands = json!([
        {"op": "create", "temp_id": "a", "data": {"title": "t"}},
        {"op": "resume", "id": "a"},
        {"op": "start", "id": "a"},
        {"op": "start", "id": "01890000-0000-7000-8000-000000000000"},
        {"op": "start", "id": "T-9999"},
        {"op": "delete", "id": "a"},
    ]);
    let body = json!({"atomic": false, "commands": commands});
    let done = send(&api, &ann, "k1", body.clone()).await.expect(207);
    let results = done.json["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 409, 200, 404, 404, 200]);
    assert_eq!(results[1]["problem"]["code"], "TRANSITION_NOT_ALLOWED");
    assert_eq!(results[5]["body"]["version"], 3);

    // After a crash in the middle a retry goes on where it stopped; here everything was done.
    let later = world.api().await;
    let again = send(&later, &ann, "k1", body).await.expect(207);
    let repeated = again.json["results"].as_array().unwrap();
    for index in [0, 1, 2, 5] {
        assert_eq!(repeated[index], results[index]);
    }
    assert_eq!(again.json["temp_ids"], done.json["temp_ids"]);
    let other = json!({"atomic": false, "commands": [{"op": "start", "id": results[0]["body"]["id"]}]});
    send(&later, &ann, "k1", other).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn everything_wrong_with_a_batch_is_said_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let body = json!({"atomic": 1, "commands": [
        {"op": "fly", "id": "x", "data": {"anything": 1}},
        {"op": "create"},
        {"op": "create", "temp_id": "a", "data": {"title": "", "satus": 1}},
        {"op": "start", "id": "unknown"},
        {"id": "a", "op": "assign", "data": {"assignees": []}},
        {"op": "start"},
    ]});
    let answer = send(&api, &ann, "k", body.clone()).await.refused(422, "VALIDATION_FAILED");
    let found = answer.violations();
    let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), code.as_str())).collect();
    let expected = [
        ("/atomic", "WRONG_TYPE"),
        ("/commands/0/op", "UNKNOWN_VALUE"),
        ("/commands/1/data", "REQUIRED"),
        ("/commands/2/data/satus", "UNKNOWN_FIELD"),
        ("/commands/2/data/title", "EMPTY"),
        ("/commands/3/id", "MALFORMED"),
        ("/commands/4/data/assignees", "TOO_FEW"),
        ("/commands/5/id", "REQUIRED"),
    ];
    assert_eq!(found, expected);
    api.post("/v1/tasks/batch", Some(&ann), body).await.refused(400, "IDEMPOTENCY_KEY_REQUIRED");
    let many: Vec<_> = (0..101).map(|_| json!({"op": "create", "data": {"title": "t"}})).collect();
    send(&api, &ann, "m", json!({"commands": many})).await.refused(422, "VALIDATION_FAILED");
    let invalid = json!([{"op": "create", "data": {"title": "t"}}, {"op": "create", "data": {"title": "t",
        "parent": "01890000-0000-7000-8000-000000000000"}}]);
    let refused = send(&api, &ann, "n", json!({"commands": invalid})).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/commands/1/data/parent".to_owned(), "UNKNOWN_TASK".to_owned())]);
}
