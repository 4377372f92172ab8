//! Records as a whole: who sees them, page after page, none missing.

use std::collections::BTreeSet;

use domain::policy::Role;
use serde_json::{Value, json};

use super::office::{Office, text};
use crate::{
    consumers::Member,
    system::{PATIENCE, within},
};

#[tokio::test(flavor = "multi_thread")]
async fn auditors_see_records_and_admins_do_not() {
    let office = Office::open().await;
    let operator = office.world.person("otto", &[Role::Operator]).await;
    let root = office.world.root().await;
    for path in [
        "/v1/audit/records",
        "/v1/audit/records/e1",
        "/v1/audit/counts?group_by=day",
        "/v1/audit/role-holders?role=admin",
    ] {
        office.asks(path).await;
        for client in [&root, &operator.client, &office.ann.client] {
            office.world.ask(client, "GET", path, None).await.expect(403);
        }
    }
    // An auditor changes nothing.
    for (method, path) in [("POST", "/v1/tasks"), ("POST", "/v1/announcements"), ("POST", "/v1/users")] {
        let body = json!({"title": "x", "email": "x@example.org", "name": "x"});
        let key = [("idempotency-key", "one")];
        office.world.ask_with(&office.auditor.client, method, path, Some(&body), &key).await.expect(403);
    }
    office.world.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_every_record_once_while_more_come() {
    let office = Office::open().await;
    office.task().await;
    let (mut seen, mut token, mut last) = (BTreeSet::new(), String::new(), i64::MAX);
    let newest = office.finds("/v1/audit/records?page_size=1&action=task.", |items| !items.is_empty()).await;
    let head = newest[0]["position"].as_i64();
    loop {
        let page = office.asks(&format!("/v1/audit/records?page_size=7&page_token={token}")).await;
        // Reading is recorded, and so is this:
        office.task().await;
        for record in page["items"].as_array().unwrap() {
            assert!(seen.insert(text(&record["id"])), "{record}");
            if let Some(position) = record["position"].as_i64() {
                assert!(position < last, "{position} after {last}");
                last = position;
            }
        }
        token = text(&page["next_page_token"]);
        if token.is_empty() {
            break;
        }
    }
    for position in 1..=head.unwrap() {
        assert!(seen.contains(&format!("e{position}")), "{position}");
    }
    // Counts agree with pages, and names are permanent.
    let some = office.asks("/v1/audit/records?target=T-1&count=exact").await;
    assert_eq!(some["count"].as_u64().unwrap(), some["items"].as_array().unwrap().len() as u64);
    assert!(office.asks("/v1/audit/records?target=T-1&count=estimate").await["count"].is_i64());
    let again = office.asks("/v1/audit/records/e1").await;
    assert_eq!((&again["id"], &again["position"]), (&json!("e1"), &json!(1)));
    for (name, status) in [("e0", 400), ("x1", 400), ("e999999999", 404), ("a999999999", 404)] {
        let path = format!("/v1/audit/records/{name}");
        office.world.ask(&office.auditor.client, "GET", &path, None).await.expect(status);
    }
    office.world.end();
}

/// Reading what is somebody else's is a record, reading what is everybody's or one's own is none.
#[tokio::test(flavor = "multi_thread")]
async fn reads_of_what_is_not_theirs_are_records() {
    let office = Office::open().await;
    let (root, ann) = (office.world.root().await, &office.ann.client);
    let secret =
        office.does(ann, "POST", "/v1/tasks", json!({"title": "s", "visibility": "private"})).await.json();
    let open = office.does(ann, "POST", "/v1/tasks", json!({"title": "o"})).await.json();
    let path =
        |task: &Value| format!("/v1/tasks/{}/history?min_position={}", text(&task["id"]), open["position"]);
    for (client, path) in [
        (ann, path(&secret)),
        (ann, "/v1/users/me".to_owned()),
        (ann, format!("/v1/users/{}", office.auditor.id)),
        (&office.auditor.client, path(&open)),
        (&office.auditor.client, path(&secret)),
        (&root, format!("/v1/users/{}", office.ann.id)),
        (&root, format!("/v1/users/{}/revisions/1", office.ann.id)),
        (&office.auditor.client, format!("/v1/users/{}/diff?from=1", office.ann.id)),
        (&office.auditor.client, format!("/v1/users/{}?as_of={}", office.ann.id, open["position"])),
        (&office.auditor.client, "/v1/sync?since=*".to_owned()),
        (&office.auditor.client, format!("/v1/tasks?as_of={}", open["position"])),
        (ann, "/v1/sync?since=*".to_owned()),
    ] {
        office.world.ask(client, "GET", &path, None).await.expect(200);
    }
    let reads = "/v1/audit/records?crud=read&outcome=success&filter=NOT%20action%3Daudit.";
    let is_there = |items: &[Value], action: &str, target: &Value| {
        items.iter().filter(|one| one["action"] == action && one["target"]["id"] == *target).count()
    };
    let found = office
        .finds(reads, |items| {
            is_there(items, "history.get_task_history", &secret["id"]) == 1
                && is_there(items, "users.get_user", &json!(office.ann.id)) >= 2
                && is_there(items, "history.get_user_revision", &json!(office.ann.id)) == 1
                && is_there(items, "history.diff_user", &json!(office.ann.id)) == 1
                && ["sync.pull_changes", "tasks.list_tasks"]
                    .iter()
                    .all(|action| items.iter().any(|one| one["action"] == *action))
        })
        .await;
    assert_eq!(is_there(&found, "history.get_task_history", &open["id"]), 0, "{found:#?}");
    assert!(found.iter().all(|one| one["actor"]["id"] != json!(office.ann.id)), "{found:#?}");
    office.world.end();
}

/// A bookmark is no fact, but to move it is somebody's act; so is it to settle what is parked in it.
#[tokio::test(flavor = "multi_thread")]
async fn moving_a_group_is_a_record() {
    let office = Office::open().await;
    let ann = &office.ann.client;
    office.task().await;
    let group = |rest: &str| format!("/v1/consumer-groups/billing{rest}");
    let wanted = json!({"types": ["task.created"], "start": "beginning"});
    office.does(ann, "PUT", &group(""), wanted).await;
    let mut member = Member::get_in(ann, "billing", 1).await;
    let event = member.event().await;
    member.park(event).await;
    let parked = async || {
        let answer = office.world.ask(ann, "GET", &group(""), None).await.expect(200);
        answer.json()["parked"] == 1
    };
    // The next one comes when this one is settled.
    office.task().await;
    let next = member.event().await;
    assert!(within(PATIENCE, parked).await);
    office.does(ann, "POST", &group("/parked/replay"), json!({})).await;
    member.ack([next]).await;
    assert_eq!(member.event().await, event);
    member.park(event).await;
    assert!(within(PATIENCE, parked).await);
    office.does(ann, "POST", &group("/parked/skip"), json!({"positions": [event]})).await;
    office.does(ann, "POST", &group("/seek"), json!({"to": "1"})).await;
    member.end().await;
    office.does(ann, "DELETE", &group(""), None).await;
    office.world.ask(ann, "POST", &group("/seek"), Some(&json!({"to": "1"}))).await.expect(404);
    let found =
        office.finds("/v1/audit/records?action=events.&sort=recorded_at", |items| items.len() >= 6).await;
    // How far it had come by then, nobody knows for sure: it goes on by itself over what it does not take.
    let from = text(&found[3]["query"]).split(['=', '&']).nth(3).unwrap_or_default().to_owned();
    assert!(from.parse::<i64>().is_ok_and(|from| from >= next), "{from}");
    let gist = |record: &Value| ["action", "outcome", "query"].map(|member| text(&record[member]));
    let expected = [
        ["events.make_consumer_group", "success", "group=billing&from=0"],
        ["events.replay_parked_group_events", "success", "group=billing&events=1&positions=all"],
        ["events.skip_parked_group_events", "success", &format!("group=billing&events=1&positions={event}")],
        ["events.seek_consumer_group", "success", &format!("group=billing&from={from}&to=0")],
        ["events.delete_consumer_group", "success", "group=billing&from=0"],
        ["events.seek_consumer_group", "denied", ""],
    ];
    assert_eq!(found.iter().map(gist).collect::<Vec<_>>(), expected, "{found:#?}");
    let session = office.ann.session();
    for record in &found[..5] {
        let group = &record["target"];
        assert_eq!((&group["type"], &group["id"]), (&json!("consumer_group"), &found[0]["target"]["id"]));
        assert!(group["id"].is_string() && record["actor"]["id"] == json!(office.ann.id), "{record}");
        assert_eq!((&record["session"], &record["source"]["ip"]), (&json!(session), &json!("127.0.0.1")));
    }
    office.world.end();
}
