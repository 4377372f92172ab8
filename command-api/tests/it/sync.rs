//! What devices have done while they were away.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Api, Person, World};

async fn push(api: &Api, person: &Person, commands: Value) -> Answer {
    api.post("/v1/sync", Some(person), json!({"commands": commands})).await
}

fn statuses(answer: &Answer) -> Vec<u64> {
    answer.json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect()
}

fn uuids<const N: usize>() -> [Uuid; N] {
    std::array::from_fn(|_| Uuid::new_v4())
}

#[tokio::test]
async fn each_command_is_done_once_for_its_uuid_however_it_is_sent_again() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let [first, second, third] = uuids();
    let create = json!({"uuid": first, "op": "create", "temp_id": "new", "data": {"title": "t"}});
    let comment = json!({"uuid": second, "op": "add_comment", "id": "new", "data": {"text": "c"}});
    let start = json!({"uuid": third, "op": "start", "id": "new"});
    let done = push(&api, &ann, json!([create, comment])).await.expect(207);
    assert_eq!(statuses(&done), [201, 200]);
    let id = done.json["temp_ids"]["new"].as_str().unwrap();
    assert_eq!(done.json["results"][1]["uuid"], second.to_string());
    assert_eq!(done.json["position"], done.json["results"][1]["body"]["position"]);
    assert_eq!(done.header("position").unwrap(), done.json["position"].to_string());

    // The reply was lost, or the service fell after two of three: elsewhere the rest is done, on the task of the first time.
    let other = world.api().await;
    let again = push(&other, &ann, json!([create, comment, start])).await.expect(207);
    assert_eq!(statuses(&again), [201, 200, 200]);
    for index in [0, 1] {
        assert_eq!(again.json["results"][index], done.json["results"][index]);
    }
    assert_eq!(again.json["temp_ids"]["new"], id);
    assert_eq!(again.json["results"][2]["body"]["id"], id);
    assert!(!again.headers.contains_key("idempotent-replayed"));
    let third_time = push(&other, &ann, json!([start, comment])).await.expect(207);
    assert_eq!(statuses(&third_time), [200, 200]);
    assert!(third_time.headers.contains_key("idempotent-replayed"));
    let events = format!("SELECT count(*) FROM event_store.events WHERE aggregate_id = '{id}'");
    assert_eq!(world.count(&events).await, 3);

    let changed = json!({"uuid": third, "op": "complete", "id": id});
    let refused = push(&api, &ann, json!([changed])).await.expect(207);
    assert_eq!(refused.json["results"][0]["problem"]["code"], "IDEMPOTENCY_KEY_REUSED");
    let bob = api.member("bob").await;
    let own = push(&api, &bob, json!([{"uuid": third, "op": "watch", "id": id}])).await.expect(207);
    assert_eq!(statuses(&own), [200], "uuids of different people never meet");
    let kept =
        "SELECT count(*) FROM event_store.command_receipts WHERE class = 'quarter' AND key LIKE 'sync %'";
    assert_eq!(world.count(kept).await, 4);
}

#[tokio::test]
async fn a_temporary_name_stands_wherever_a_task_may_be_named() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let [a, b, c, d] = uuids();
    let parent = json!({"uuid": a, "op": "create", "temp_id": "p", "data": {"title": "parent"}});
    push(&api, &ann, json!([parent])).await.expect(207);
    let rest = json!([parent,
        {"uuid": b, "op": "create", "temp_id": "c", "data": {"title": "child", "parent": "p"}},
        {"uuid": c, "op": "add_relation", "id": "c", "data": {"type": "blocks", "task": "p"}},
        {"uuid": d, "op": "update", "id": "c", "data": {"parent": "p", "title": "other"}},
    ]);
    let done = push(&api, &ann, rest).await.expect(207);
    assert_eq!(statuses(&done), [201, 201, 200, 200]);
    let id = &done.json["temp_ids"]["p"];
    assert_eq!(done.json["results"][2]["body"]["relations"], json!([{"type": "blocks", "task": id}]));
}

#[tokio::test]
async fn only_what_others_touched_too_is_a_conflict() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let task = api.task(&ann, json!({"title": "t"})).await;
    let id = task.id();
    let [a, b, c] = uuids();
    let edit = |uuid: Uuid, data: Value| json!({"uuid": uuid, "op": "update", "id": id, "base_version": 1, "data": data});
    push(&api, &ann, json!([edit(a, json!({"title": "one"}))])).await.expect(207);
    let both =
        json!([edit(b, json!({"title": "two", "priority": "high"})), edit(c, json!({"priority": "low"}))]);
    let done = push(&api, &ann, both.clone()).await.expect(207);
    assert_eq!(statuses(&done), [409, 200]);
    let problem = &done.json["results"][0]["problem"];
    assert_eq!(
        (&problem["code"], &problem["conflicting_fields"]),
        (&json!("FIELD_CONFLICT"), &json!(["title"]))
    );
    assert_eq!(problem["events"][0]["data"]["to"], "one");
    let again = push(&world.api().await, &ann, both).await.expect(207);
    assert_eq!(again.json["results"][0]["problem"]["events"], problem["events"], "a refusal is kept too");
}

#[tokio::test]
async fn what_is_wrong_with_one_command_is_said_of_that_one() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let [a, b, c] = uuids();
    let done = push(
        &api,
        &ann,
        json!([
            {"uuid": a, "op": "create", "temp_id": "x", "data": {"title": "", "labels": [""]}},
            {"uuid": b, "op": "start", "id": "x"},
            {"uuid": c, "op": "create", "temp_id": "y", "data": {"title": "good"}},
        ]),
    )
    .await
    .expect(207);
    assert_eq!(statuses(&done), [422, 404, 201]);
    let errors = done.json["results"][0]["problem"]["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/commands/0/data/title", "/commands/0/data/labels/0"]);
    assert_eq!(done.json["temp_ids"].as_object().unwrap().len(), 1);

    let head = world.count("SELECT max(position) FROM event_store.events").await;
    let nameless = json!([{"uuid": a, "op": "fly"}, {"op": "start", "id": "T-1"}, {"uuid": a, "op": "start", "id": "T-1"}]);
    let refused = push(&api, &ann, nameless).await.refused(422, "VALIDATION_FAILED");
    let found = refused.violations();
    for expected in [("/commands/1/uuid", "REQUIRED"), ("/commands/2/uuid", "DUPLICATE")] {
        assert!(found.iter().any(|(place, code)| (place.as_str(), code.as_str()) == expected), "{found:?}");
    }
    push(&api, &ann, json!([])).await.refused(422, "VALIDATION_FAILED");
    let body = json!({"commands": [{"uuid": b, "op": "start", "id": "T-1"}], "atomic": true});
    api.post("/v1/sync", Some(&ann), body).await.refused(422, "UNKNOWN_FIELD");
    assert_eq!(world.count("SELECT max(position) FROM event_store.events").await, head);
}
