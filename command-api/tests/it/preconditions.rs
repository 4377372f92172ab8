//! What clients say about the version that they have read.

use serde_json::json;
use uuid::Uuid;

use crate::api::World;

#[tokio::test]
async fn if_match_compares_with_the_log() {
    let world = World::new().await;
    let (api, other) = (world.api().await, world.api().await);
    let ann = api.member("ann").await;
    let path = format!("/v1/tasks/{}", api.task(&ann, json!({"title": "t"})).await.id());
    let patch = async |title: &str, tag| {
        api.call("PATCH", &path, Some(&ann), json!({"title": title}), &[("if-match", tag)]).await
    };
    patch("a", "\"1\"").await.expect(200);
    let stale = patch("b", "\"1\"").await.refused(412, "PRECONDITION_FAILED");
    assert_eq!((stale.header("etag"), &stale.json["current_version"]), (Some("\"2\""), &json!(2)));
    // Another replica moves it: what this one remembers is stale and must not pass.
    other.call("PATCH", &path, Some(&ann), json!({"title": "c"}), &[]).await.expect(200);
    patch("d", "\"2\"").await.refused(412, "PRECONDITION_FAILED");
    patch("d", "\"2\", \"3\"").await.expect(200);
    patch("e", "*").await.expect(200);
    patch("f", "W/\"5\"").await.refused(412, "PRECONDITION_FAILED");
    patch("f", "5").await.refused(400, "INVALID_HEADER");
    let both = json!({"title": "f", "base_version": 5});
    api.call("PATCH", &path, Some(&ann), both, &[("if-match", "\"5\"")]).await.refused(400, "INVALID_HEADER");
}

#[tokio::test]
async fn a_client_id_creates_once() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let body = json!({"title": "t", "id": Uuid::now_v7()});
    let create = async |headers: &[(&str, &str)]| {
        api.call("POST", "/v1/tasks", Some(&ann), body.clone(), headers).await
    };
    let first = create(&[("if-none-match", "*")]).await.expect(201);
    assert_eq!(first.json["id"], body["id"]);
    create(&[("if-none-match", "*")]).await.refused(412, "PRECONDITION_FAILED");
    create(&[]).await.refused(409, "ID_TAKEN");
    let v4 = json!({"title": "t", "id": Uuid::new_v4()});
    let refused = api.post("/v1/tasks", Some(&ann), v4).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/id".to_owned(), "NOT_A_UUID_V7".to_owned())]);
}

#[tokio::test]
async fn base_version_merges_what_is_disjoint() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let path = format!("/v1/tasks/{}", api.task(&ann, json!({"title": "t", "labels": ["x"]})).await.id());
    let patch = async |body| api.call("PATCH", &path, Some(&ann), body, &[]).await;
    patch(json!({"title": "theirs"})).await.expect(200);
    api.post(&format!("{path}/start"), Some(&ann), json!({})).await.expect(200);

    patch(json!({"priority": "high", "base_version": 1})).await.expect(200);
    let conflict = patch(json!({"title": "mine", "labels": [], "base_version": 1})).await;
    let conflict = conflict.refused(409, "FIELD_CONFLICT");
    assert_eq!(conflict.json["conflicting_fields"], json!(["title"]));
    assert_eq!(conflict.json["current_version"], 4);
    let events = conflict.json["events"].as_array().unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0]["type"], "task.title_changed.v1");
    assert_eq!(events[0]["data"], json!({"from": "t", "to": "theirs"}));
    assert_eq!(events[0]["actor"], json!({"type": "user", "id": ann.id}));

    patch(json!({"title": "mine", "base_version": 2})).await.expect(200);
    let hold = json!({"base_version": 2});
    api.post(&format!("{path}/hold"), Some(&ann), hold).await.refused(409, "FIELD_CONFLICT");
    let assign = json!({"assignees": [bob.id], "base_version": 1});
    api.post(&format!("{path}/assign"), Some(&ann), assign).await.expect(200);
    let ahead = patch(json!({"title": "z", "base_version": 99})).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(ahead.violations(), [("/base_version".to_owned(), "TOO_LARGE".to_owned())]);
    patch(json!({"title": "z", "base_version": 0})).await.refused(422, "VALIDATION_FAILED");
}

#[tokio::test]
async fn what_only_the_server_sets_may_be_sent_back_unchanged() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let made = api.task(&ann, json!({"title": "t", "assignees": [ann.id]})).await;
    let path = format!("/v1/tasks/{}", made.id());
    let echo = json!({
        "id": made.json["id"], "key": made.json["key"], "version": 1, "status": "waiting", "title": "t",
        "assignees": [{"id": ann.id, "name": "ann"}], "creator": {"id": ann.id, "name": "ann"},
        "create_time": made.json["create_time"], "delete_time": null, "progress": 0, "comment_count": 0,
    });
    api.call("PATCH", &path, Some(&ann), echo, &[]).await.expect(200);
    let changed = json!({"status": "done", "version": 2, "title": "t"});
    let refused = api.call("PATCH", &path, Some(&ann), changed, &[]).await.refused(422, "VALIDATION_FAILED");
    let output_only = |pointer: &str| (pointer.to_owned(), "OUTPUT_ONLY".to_owned());
    assert_eq!(refused.violations(), [output_only("/status"), output_only("/version")]);
}
