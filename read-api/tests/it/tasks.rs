//! One task: its shape, its ETag, who may see it.

use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::{
    seed::{Seed, store_comment, store_user},
    world::World,
};

#[tokio::test]
async fn a_task_has_every_member_of_the_contract() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "김철수", &["member"]).await;
    let lee = store_user(&world.pool, "lee", &["member"]).await;
    let mut seed = Seed::new(7, kim);
    seed.assignees = vec![lee, Uuid::nil()];
    seed.watchers = vec![kim];
    seed.labels = vec!["z".into(), "a".into()];
    seed.due_at = Some(crate::seed::epoch());
    seed.external = Some(("jira".into(), "A:1".into()));
    let seed = seed.store(&world.pool).await;
    let reply = world.get(&world.token(kim, &["member"]), &format!("/v1/tasks/{}", seed.id)).await;
    assert_eq!(
        reply.body,
        json!({
            "id": seed.id, "key": "T-7", "version": 1, "title": "task 7", "description": null, "status": "waiting",
            "allowed": ["start", "hold", "complete", "cancel"], "priority": "normal",
            "due": {"at": "2026-09-21T14:13:20.000000Z", "zone": "Asia/Seoul"}, "labels": ["z", "a"],
            "assignees": [{"id": lee, "name": "lee"}, {"id": Uuid::nil(), "name": null}], "watchers": [kim],
            "creator": {"id": kim, "name": "김철수"}, "parent": null, "relations": [],
            "checklist": [{"id": Uuid::nil(), "text": "item", "done": true}], "progress": 40,
            "external_ref": {"system": "jira", "id": "A:1"}, "visibility": "team", "comment_count": 0,
            "create_time": "2026-09-21T14:20:20.000000Z", "update_time": "2026-09-21T14:20:20.000000Z",
            "delete_time": null, "purge_time": null,
        })
    );
    assert_eq!(reply.header("etag"), "\"1\"");
    assert_eq!(reply.header("content-type"), "application/json");
}

#[tokio::test]
async fn key_and_upper_case_id_name_the_same_task() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let seed = Seed::new(12, kim).store(&world.pool).await;
    let token = world.token(kim, &["member"]);
    let by_id = world.get(&token, &format!("/v1/tasks/{}", seed.id)).await;
    for other in ["T-12".to_owned(), seed.id.to_string().to_uppercase()] {
        assert_eq!(world.get(&token, &format!("/v1/tasks/{other}")).await.body, by_id.body);
    }
    assert_eq!(world.get(&token, "/v1/tasks/T-13").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&token, &format!("/v1/tasks/{}", Uuid::nil())).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let seed = Seed::new(1, kim).store(&world.pool).await;
    let (token, path) = (world.token(kim, &["member"]), format!("/v1/tasks/{}", seed.id));
    for (tag, status) in [("\"1\"", 304), ("W/\"1\"", 304), ("\"2\", \"1\"", 304), ("*", 304), ("\"2\"", 200)]
    {
        let reply = world.get_with(&token, &path, &[("if-none-match", tag)]).await;
        assert_eq!(reply.status.as_u16(), status, "{tag}");
        assert_eq!(reply.header("etag"), "\"1\"");
        assert_eq!(reply.header("position"), "0");
        assert_eq!(reply.body.is_null(), status == 304);
    }
    assert_eq!(world.get_with(&token, &path, &[("if-none-match", "1")]).await.code(), "INVALID_HEADER");
}

#[tokio::test]
async fn deleted_tasks_are_seen_until_they_are_purged() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let mut deleted = Seed::new(1, kim);
    deleted.delete_time = Some(Utc::now() - TimeDelta::days(1));
    let mut purged = Seed::new(2, kim);
    purged.delete_time = Some(Utc::now() - TimeDelta::days(31));
    let (deleted, purged) = (deleted.store(&world.pool).await, purged.store(&world.pool).await);
    let (member, auditor) = (world.token(kim, &["member"]), world.token(Uuid::now_v7(), &["auditor"]));
    let status =
        async |token: &str, id: Uuid| world.get(token, &format!("/v1/tasks/{id}")).await.status.as_u16();
    assert_eq!((status(&member, deleted.id).await, status(&member, purged.id).await), (200, 404));
    assert_eq!((status(&auditor, deleted.id).await, status(&auditor, purged.id).await), (200, 200));
    let listed = async |token: &str, path: &str| world.get(token, path).await.items().len();
    assert_eq!(listed(&member, "/v1/tasks").await, 0);
    assert_eq!(listed(&member, "/v1/tasks?show_deleted=true").await, 1);
    assert_eq!(listed(&auditor, "/v1/tasks?show_deleted=true").await, 2);
}

#[tokio::test]
async fn comments_come_oldest_first_in_pages() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let seed = Seed::new(1, kim).store(&world.pool).await;
    let other = Seed::new(2, kim).store(&world.pool).await;
    store_comment(&world.pool, other.id, kim, 0, "elsewhere").await;
    let mut expected = Vec::new();
    for minute in [3, 1, 2, 2, 5] {
        let id = store_comment(&world.pool, seed.id, kim, minute, &format!("minute {minute}")).await;
        expected.push((minute, id.to_string()));
    }
    expected.sort();
    let token = world.token(kim, &["member"]);
    let (mut found, mut page) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/tasks/T-1/comments?page_size=2&page_token={page}");
        let reply = world.get(&token, &path).await;
        found.extend(reply.pluck("id"));
        assert_eq!(reply.items()[0]["author"], json!({"id": kim, "name": "kim"}));
        page = reply.body["next_page_token"].as_str().unwrap().to_owned();
        if page.is_empty() {
            break;
        }
        assert!(reply.header("link").contains(&page));
        let stolen = format!("/v1/tasks/T-2/comments?page_size=2&page_token={page}");
        assert_eq!(world.get(&token, &stolen).await.code(), "INVALID_PAGE_TOKEN");
    }
    assert_eq!(found, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
}

#[tokio::test]
async fn labels_are_those_of_visible_tasks() {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let label = async |number, labels: &[&str], private, deleted: bool| {
        let mut seed = Seed::new(number, kim);
        seed.labels = labels.iter().map(|label| (*label).to_owned()).collect();
        seed.private = private;
        seed.delete_time = deleted.then(Utc::now);
        seed.store(&world.pool).await
    };
    label(1, &["b", "버그"], false, false).await;
    label(2, &["a", "b"], false, false).await;
    label(3, &["secret"], true, false).await;
    label(4, &["gone"], false, true).await;
    let (kim, other) = (world.token(kim, &["member"]), world.token(Uuid::now_v7(), &["member"]));
    assert_eq!(world.get(&kim, "/v1/labels").await.pluck("label"), ["a", "b", "secret", "버그"]);
    assert_eq!(world.get(&other, "/v1/labels").await.pluck("label"), ["a", "b", "버그"]);
    let first = world.get(&other, "/v1/labels?page_size=2").await;
    let next =
        format!("/v1/labels?page_size=2&page_token={}", first.body["next_page_token"].as_str().unwrap());
    let second = world.get(&other, &next).await;
    assert_eq!((first.pluck("label").len(), second.pluck("label")), (2, vec!["버그".to_owned()]));
    assert_eq!(second.body["next_page_token"], "");
}
