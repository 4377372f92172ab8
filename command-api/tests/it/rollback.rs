//! Setting a task's content back.

use domain::{
    ids::TaskId,
    policy::Role,
    task::values::{Status, Visibility},
};
use serde_json::json;

use crate::api::{Answer, Api, Person, World};

async fn patch(api: &Api, person: &Person, task: &str, changes: serde_json::Value) -> Answer {
    api.call("PATCH", &format!("/v1/tasks/{task}"), Some(person), changes, &[]).await.expect(200)
}

async fn back(api: &Api, person: &Person, task: &str, body: serde_json::Value) -> Answer {
    api.post(&format!("/v1/tasks/{task}/rollback"), Some(person), body).await
}

#[tokio::test]
async fn the_content_is_what_it_was_and_all_else_stays() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let new = json!({"title": "Roof", "description": "slates", "labels": ["a", "b"], "due": {"date": "2026-12-24"}});
    let task = api.task(&ann, new).await.id();
    patch(
        &api,
        &ann,
        &task,
        json!({"title": "Door", "description": null, "labels": ["b"], "priority": "high"}),
    )
    .await;
    api.post(&format!("/v1/tasks/{task}/start"), Some(&ann), json!({})).await.expect(200);
    let private = patch(&api, &ann, &task, json!({"visibility": "private", "due": null})).await;

    let rolled = back(&api, &ann, &task, json!({"version": 1})).await.expect(200);
    let shown = &rolled.json;
    assert_eq!((&shown["title"], &shown["description"]), (&json!("Roof"), &json!("slates")));
    assert_eq!((&shown["labels"], &shown["priority"]), (&json!(["a", "b"]), &json!("normal")));
    assert_eq!(shown["due"], json!({"date": "2026-12-24"}));
    let kept = api.inside.commands.load_task(TaskId(task.parse().unwrap())).await.unwrap();
    assert_eq!((kept.status, kept.visibility), (Status::InProgress, Visibility::Private));
    let first = format!(
        "SELECT count(*) FROM event_store.events WHERE aggregate_id = '{task}' AND sequence = {}
         AND event_type = 'task.rolled_back' AND payload ->> 'to' = '1'",
        private.version() + 1
    );
    assert_eq!(world.count(&first).await, 1);

    let again = back(&api, &ann, &task, json!({"version": 1})).await.expect(200);
    assert_eq!((again.version(), &again.json["position"]), (rolled.version(), &shown["position"]));
    // Back to before the rollback.
    let forth = back(&api, &ann, &task, json!({"version": private.version()})).await.expect(200);
    assert_eq!((&forth.json["title"], &forth.json["labels"]), (&json!("Door"), &json!(["b"])));
}

#[tokio::test]
async fn long_histories_are_read_from_the_log() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let task = api.task(&ann, json!({"title": "number 1"})).await.id();
    for number in 2..=130 {
        patch(&api, &ann, &task, json!({"title": format!("number {number}")})).await;
    }
    let snapshots = "SELECT count(*) FROM event_store.snapshots WHERE aggregate_type = 'task'";
    assert_eq!(world.count(snapshots).await, 1);
    // A replica that remembers nothing.
    let other = world.api().await;
    for version in [3, 120] {
        let rolled = back(&other, &ann, &task, json!({"version": version})).await.expect(200);
        assert_eq!(rolled.json["title"], format!("number {version}"));
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let boss = api.person("boss", &[Role::Member, Role::Manager]).await;
    let task = api.task(&ann, json!({"title": "Roof"})).await.id();
    patch(&api, &ann, &task, json!({"title": "Door"})).await;
    for (body, pointer) in [
        (json!({}), "/version"),
        (json!({"version": 0}), "/version"),
        (json!({"version": 3}), "/version"),
        (json!({"version": "1"}), "/version"),
        (json!({"version": 1, "to": 1}), "/to"),
    ] {
        let refused = back(&api, &ann, &task, body).await.expect(422);
        assert_eq!(refused.violations()[0].0, pointer, "{}", refused.text);
    }
    back(&api, &bob, &task, json!({"version": 1})).await.refused(403, "FORBIDDEN");
    let path = format!("/v1/tasks/{task}/rollback");
    let stale = api.call("POST", &path, Some(&ann), json!({"version": 1}), &[("if-match", "\"1\"")]).await;
    stale.refused(412, "PRECONDITION_FAILED");
    let conflict = back(&api, &ann, &task, json!({"version": 1, "base_version": 1})).await;
    let conflict = conflict.refused(409, "FIELD_CONFLICT");
    assert_eq!(conflict.json["conflicting_fields"], json!(["title"]));
    back(&api, &boss, &task, json!({"version": 1, "base_version": 2})).await.expect(200);
    api.call("DELETE", &format!("/v1/tasks/{task}"), Some(&ann), json!({}), &[]).await.expect(200);
    back(&api, &ann, &task, json!({"version": 1})).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn others_changes_of_the_checklist_are_seen() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let task = api.task(&ann, json!({"title": "Roof"})).await.id();
    patch(&api, &ann, &task, json!({"title": "Door"})).await;
    let items = format!("/v1/tasks/{task}/checklist");
    api.post(&items, Some(&ann), json!({"text": "ladder"})).await.expect(200);
    back(&api, &ann, &task, json!({"version": 1, "base_version": 2})).await.refused(409, "FIELD_CONFLICT");
    let commands =
        json!({"atomic": true, "commands": [{"op": "rollback", "id": task, "data": {"version": 1}}]});
    let key = [("idempotency-key", "k1")];
    let batch = api.call("POST", "/v1/tasks/batch", Some(&ann), commands, &key).await.expect(200);
    let title = api.inside.commands.load_task(TaskId(task.parse().unwrap())).await.unwrap().title;
    assert_eq!(title.unwrap().as_str(), "Roof", "{}", batch.text);
}
