//! Histories, from a real log.

use axum::http::StatusCode;
use chrono::Utc;
use domain::{
    ids::{ChecklistItemId, CommentId, UserId},
    personal::Sealed,
    task::TaskEvent,
    user::UserEvent,
};
use event_store::{MasterKey, Sealer};
use serde_json::{Value, json};
use service::auth::testing::Minter;
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::{Seed, store_user},
    world::World,
};

fn created(creator: Uuid, assignee: Uuid) -> Value {
    json!({"task.created": {
        "key": "T-1", "title": "first", "description": "old text", "priority": "normal", "due": {"date": "2026-11-21"},
        "labels": ["a"], "assignees": [assignee], "creator": creator, "parent": null, "external_ref": null,
        "visibility": "team",
    }})
}

#[tokio::test]
async fn a_tasks_history_tells_old_and_new_newest_first() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let lee = store_user(&world.pool, "lee", &["member"]).await;
    let task = Seed { delete_time: Some(Utc::now()), ..Seed::new(1, kim) }.store(&world.pool).await;
    let (comment, item) = (CommentId(Uuid::now_v7()), ChecklistItemId(Uuid::now_v7()));
    let facts = vec![
        created(kim, lee),
        json!({"task.description_changed": {"from": 1, "to": "new text"}}),
        json!({"task.description_changed": {"from": 2, "to": null}}),
        json!({"task.commented": {"comment": comment, "author": kim, "text": "hello"}}),
        json!({"task.comment_edited": {"comment": comment, "from": 4, "to": "hello!"}}),
        json!({"task.comment_deleted": {"comment": comment}}),
        json!({"task.assigned": {"assignee": kim}}),
        json!({"task.unassigned": {"assignee": lee}}),
        json!({"task.completed": {"from": "waiting", "to": "done", "reason": "it works"}}),
        json!({"task.checklist_item_added": {"item": item, "text": "step"}}),
        json!({"task.checklist_item_checked": {"item": item}}),
        json!({"task.due_changed": {"from": {"date": "2026-11-21"}, "to": null}}),
        json!({"task.deleted": {}}),
    ];
    let writer = Writer::new(&world);
    let count = facts.len();
    let events = facts.into_iter().map(|fact| (event::<TaskEvent>(fact), metadata(kim))).collect();
    writer.append("task", task.id, events).await;
    let token = world.token(kim, &["member"]);
    let reply = world.get(&token, "/v1/tasks/T-1/history").await;
    let changes: Vec<Value> = reply.items().iter().rev().map(|entry| entry["changes"].clone()).collect();
    let one = |field: &str, old: Value, new: Value| json!([{"field": field, "old": old, "new": new}]);
    let text = format!("comments/{comment}");
    let (kim_named, lee_named) = (json!({"id": kim, "name": "kim"}), json!({"id": lee, "name": "lee"}));
    let creation: Vec<_> = changes[0].as_array().unwrap().iter().map(|change| &change["field"]).collect();
    assert_eq!(
        creation,
        ["key", "title", "description", "priority", "due", "visibility", "labels", "assignees"]
    );
    assert_eq!(changes[0][7], json!({"field": "assignees", "old": null, "new": lee_named}));
    assert_eq!(
        changes[1..],
        [
            one("description", json!("old text"), json!("new text")),
            one("description", json!("new text"), json!(null)),
            one(&text, json!(null), json!("hello")),
            one(&text, json!("hello"), json!("hello!")),
            one(&format!("{text}/deleted"), json!(false), json!(true)),
            one("assignees", json!(null), kim_named.clone()),
            one("assignees", lee_named, json!(null)),
            one("status", json!("waiting"), json!("done")),
            one(&format!("checklist/{item}"), json!(null), json!("step")),
            one(&format!("checklist/{item}/done"), json!(false), json!(true)),
            one("due", json!({"date": "2026-11-21"}), json!(null)),
            one("deleted", json!(false), json!(true)),
        ]
    );
    let newest = &reply.items()[0];
    assert_eq!((&newest["type"], &newest["version"]), (&json!("task.deleted.v1"), &json!(count)));
    assert_eq!(newest["actor"], json!({"type": "user", "id": kim, "name": "kim"}));
    assert_eq!(newest["on_behalf_of"], json!(null));
    assert_eq!(reply.items()[count - 9]["reason"], "it works");
}

#[tokio::test]
async fn pages_of_a_history_resolve_texts_of_other_pages() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let task = Seed::new(1, kim).store(&world.pool).await;
    let mut facts = vec![created(kim, kim)];
    facts.extend(
        (1..=9).map(
            |from| json!({"task.description_changed": {"from": from, "to": format!("text {}", from + 1)}}),
        ),
    );
    let writer = Writer::new(&world);
    let events = facts.into_iter().map(|fact| (event::<TaskEvent>(fact), metadata(kim))).collect();
    writer.append("task", task.id, events).await;
    let token = world.token(kim, &["member"]);
    let whole = world.get(&token, &format!("/v1/tasks/{}/history", task.id)).await;
    assert_eq!(whole.items().len(), 10);
    let (mut found, mut page) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/tasks/{}/history?page_size=3&page_token={page}", task.id);
        let reply = world.get(&token, &path).await;
        found.extend(reply.items().to_vec());
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(found, whole.items());
    assert_eq!(found[0]["changes"][0]["old"], "text 9");
}

#[tokio::test]
async fn import_shows_who_brought_it_in() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let admin = store_user(&world.pool, "admin", &["admin"]).await;
    let task = Seed::new(1, kim).store(&world.pool).await;
    let mut imported = metadata(kim);
    imported.on_behalf_of = Some(UserId(admin));
    imported.occurred_at = "2010-01-02T03:04:05Z".parse().unwrap();
    let writer = Writer::new(&world);
    writer.append("task", task.id, vec![(event::<TaskEvent>(created(kim, kim)), imported)]).await;
    let reply = world.get(&world.token(kim, &["member"]), "/v1/tasks/T-1/history").await;
    let entry = &reply.items()[0];
    assert_eq!(entry["on_behalf_of"], json!({"id": admin, "name": "admin"}));
    assert_eq!(entry["occurred_at"], "2010-01-02T03:04:05.000000Z");
    assert_ne!(entry["recorded_at"], entry["occurred_at"]);
}

#[tokio::test]
async fn an_event_that_nobody_knows_is_a_failure_not_a_gap() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let task = Seed::new(1, kim).store(&world.pool).await;
    let mut unknown = event::<TaskEvent>(json!({"task.deleted": {}}));
    unknown.event_type = "task.teleported".into();
    Writer::new(&world).append("task", task.id, vec![(unknown, metadata(kim))]).await;
    let reply = world.get(&world.token(kim, &["member"]), "/v1/tasks/T-1/history").await;
    assert_eq!((reply.status, reply.code()), (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"));
    assert!(!reply.body.to_string().contains("teleported"));
}

#[tokio::test]
async fn a_users_history_is_in_clear_for_those_who_may() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let sealer = Sealer::new(world.pool.clone(), &MasterKey(world.secret.derive("event store")));
    let seal = async |text: &str| -> Sealed { sealer.seal(kim, text).await.unwrap() };
    let facts = [
        json!({"user.registered": {
            "email": seal("kim@example.com").await, "name": seal("kim").await, "locale": "ko", "time_zone": "Asia/Seoul",
        }}),
        json!({"user.verified": {}}),
        json!({"user.role_granted": {"role": "member"}}),
        json!({"user.name_changed": {"from": seal("kim").await, "to": seal("김").await}}),
        json!({"user.logged_out": {"reason": "lost the phone"}}),
        json!({"user.deactivated": {"reason": "left"}}),
    ];
    let writer = Writer::new(&world);
    let events = facts.into_iter().map(|fact| (event::<UserEvent>(fact), metadata(kim))).collect();
    writer.append("user", kim, events).await;
    let path = format!("/v1/users/{kim}/history");
    // A token of the epoch that the events above have led to.
    let mut claims = Minter::claims(kim);
    claims["epoch"] = json!(3);
    let own = world.get(&world.minter.sign(&world.minter.header(), &claims), &path).await;
    let changes: Vec<&Value> = own.items().iter().map(|entry| &entry["changes"]).collect();
    assert_eq!(changes[0], &json!([{"field": "deactivated", "old": false, "new": true}]));
    assert_eq!(own.items()[0]["reason"], "left");
    assert_eq!((changes[1], &own.items()[1]["reason"]), (&json!([]), &json!("lost the phone")));
    assert_eq!(changes[2], &json!([{"field": "name", "old": "kim", "new": "김"}]));
    assert_eq!(changes[3], &json!([{"field": "roles", "old": null, "new": "member"}]));
    assert_eq!(changes[5][0], json!({"field": "email", "old": null, "new": "kim@example.com"}));
    for (roles, status) in [("admin", 200), ("auditor", 200), ("member", 403), ("operator", 403)] {
        let reply = world.get(&world.token(Uuid::now_v7(), &[roles]), &path).await;
        assert_eq!(reply.status.as_u16(), status, "{roles}");
    }
}
