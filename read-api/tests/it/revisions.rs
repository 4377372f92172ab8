//! Tasks as they were.

use chrono::{SubsecRound, TimeDelta, Utc};
use domain::{event::Metadata, task::TaskEvent, time::Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::{Seed, store_user},
    world::World,
};

/// A task whose events happened a day apart long ago and came into the log now, but that it was deleted happened yesterday, with
/// somebody who sees it.
async fn task(world: &World, private: bool) -> (Uuid, String, Uuid) {
    deleted_task(world, private, TimeDelta::days(1)).await
}

/// The same, deleted so long ago.
async fn deleted_task(world: &World, private: bool, ago: TimeDelta) -> (Uuid, String, Uuid) {
    let delete_time = (Utc::now() - ago).trunc_subsecs(0);
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let lee = store_user(&world.pool, "lee", &["member"]).await;
    let seed = Seed { version: 6, private, delete_time: Some(delete_time), ..Seed::new(1, kim) };
    let seed = seed.store(&world.pool).await;
    let facts = [
        json!({"task.created": {
            "key": "T-1", "title": "first", "description": "old", "priority": "normal", "due": null, "labels": ["a"],
            "assignees": [lee], "creator": kim, "parent": null, "external_ref": null, "visibility": "team",
        }}),
        json!({"task.title_changed": {"from": "first", "to": "second"}}),
        json!({"task.started": {"from": "waiting", "to": "in_progress"}}),
        json!({"task.description_changed": {"from": 1, "to": "new"}}),
        json!({"task.unassigned": {"assignee": lee}}),
        json!({"task.deleted": {}}),
    ];
    let last = facts.len() - 1;
    let day = |n: usize| -> Timestamp {
        if n == last { delete_time.into() } else { format!("2020-01-0{}T12:00:00Z", n + 1).parse().unwrap() }
    };
    let events = facts
        .into_iter()
        .enumerate()
        .map(|(n, fact)| (event::<TaskEvent>(fact), Metadata { occurred_at: day(n), ..metadata(kim) }));
    Writer::new(world).append("task", seed.id, events.collect()).await;
    (seed.id, world.token(kim, &["member"]), lee)
}

#[tokio::test]
async fn every_revision_is_there_with_its_neighbours() {
    let world = World::new().await;
    let (id, token, lee) = task(&world, false).await;
    let revision =
        async |version: i64| world.get(&token, &format!("/v1/tasks/{id}/revisions/{version}")).await.body;
    let first = revision(1).await;
    assert_eq!(
        (&first["position"], &first["previous"], &first["next"]),
        (&json!(1), &Value::Null, &json!(2))
    );
    let task = &first["task"];
    assert_eq!(
        (&task["title"], &task["status"], &task["version"]),
        (&json!("first"), &json!("waiting"), &json!(1))
    );
    assert_eq!((&task["assignees"], &task["key"]), (&json!([{"id": lee, "name": "lee"}]), &json!("T-1")));
    assert_eq!(task["create_time"], "2020-01-01T12:00:00.000000Z");
    let second = world.get(&token, "/v1/tasks/T-1/revisions/2").await.body;
    let change = json!([{"field": "title", "old": "first", "new": "second"}]);
    assert_eq!((&second["entry"]["changes"], &second["task"]["title"]), (&change, &json!("second")));
    let last = revision(6).await;
    assert_eq!((&last["previous"], &last["next"]), (&json!(5), &Value::Null));
    let now = world.get(&token, "/v1/tasks/T-1").await.body;
    assert!(now["delete_time"].is_string(), "{now}");
    assert_eq!(
        (&last["task"]["delete_time"], &last["task"]["purge_time"]),
        (&now["delete_time"], &now["purge_time"])
    );
    for (version, status) in [("7", 404), ("0", 400), ("x", 400)] {
        let reply = world.get(&token, &format!("/v1/tasks/{id}/revisions/{version}")).await;
        assert_eq!(reply.status.as_u16(), status, "{version}");
    }
}

#[tokio::test]
async fn a_task_is_shown_as_of_positions_and_both_times() {
    let world = World::new().await;
    let (id, token, _) = task(&world, false).await;
    let title = async |query: &str| {
        let reply = world.get(&token, &format!("/v1/tasks/{id}?{query}")).await;
        (
            reply.status.as_u16(),
            reply.body["code"].as_str().or(reply.body["title"].as_str()).unwrap().to_owned(),
        )
    };
    let cases = [
        ("as_of=1", 200, "first"),
        ("as_of=3", 200, "second"),
        ("as_of=0", 404, "NOT_FOUND"),
        ("as_of=7", 400, "POSITION_AHEAD"),
        // The log heard of it only now.
        ("as_of=2020-02-01T00:00:00Z", 404, "NOT_FOUND"),
        ("as_of=2100-01-01T00:00:00Z", 200, "second"),
        ("as_of_occurred=2020-01-01T11:59:59Z", 404, "NOT_FOUND"),
        ("as_of_occurred=2020-01-01T12:00:00Z", 200, "first"),
        ("as_of_occurred=2020-01-02T12:00:00Z", 200, "second"),
        ("as_of=yesterday", 400, "INVALID_PARAMETER"),
        ("as_of=1&as_of_occurred=2020-01-01T12:00:00Z", 400, "INVALID_PARAMETER"),
    ];
    for (query, status, expected) in cases {
        assert_eq!(title(query).await, (status, expected.to_owned()), "{query}");
    }
    let reply = world.get(&token, &format!("/v1/tasks/{id}?as_of=3")).await;
    assert_eq!((&reply.headers["etag"], &reply.body["version"]), (&"\"3\"".parse().unwrap(), &json!(3)));
}

#[tokio::test]
async fn two_moments_are_compared() {
    let world = World::new().await;
    let (id, token, lee) = task(&world, false).await;
    let diff = async |query: &str| world.get(&token, &format!("/v1/tasks/{id}/diff?{query}")).await;
    let difference = diff("from=1&to=5").await.body;
    assert_eq!((&difference["from"]["version"], &difference["to"]["position"]), (&json!(1), &json!(5)));
    let lees = json!([{"id": lee, "name": "lee"}]);
    let expected = json!([
        {"field": "assignees", "old": lees, "new": []},
        {"field": "description", "old": "old", "new": "new"},
        {"field": "status", "old": "waiting", "new": "in_progress"},
        {"field": "title", "old": "first", "new": "second"},
    ]);
    let mut changes = difference["changes"].as_array().unwrap().clone();
    changes.sort_by_key(|change| change["field"].as_str().unwrap().to_owned());
    assert_eq!(json!(changes), expected);
    assert_eq!(diff("from=3&to=position:3").await.body["changes"], json!([]));
    let open = diff("from=5").await.body;
    assert_eq!((&open["to"]["version"], open["changes"].as_array().unwrap().len()), (&json!(6), 2), "{open}");
    for (query, status) in [
        ("", 400),
        ("from=x", 400),
        ("from=1&to=position:99", 400),
        ("from=2019-01-01T00:00:00Z", 404),
        ("from=1&at=2", 400),
    ] {
        assert_eq!(diff(query).await.status.as_u16(), status, "{query}");
    }
}

#[tokio::test]
async fn who_does_not_see_the_task_today_sees_nothing_of_its_past() {
    let world = World::new().await;
    let (id, token, lee) = task(&world, true).await;
    let lees = world.token(lee, &["member"]);
    for path in ["?as_of=1", "/revisions/1", "/diff?from=1"] {
        let path = format!("/v1/tasks/{id}{path}");
        assert_eq!(world.get(&token, &path).await.status.as_u16(), 200, "{path}");
        assert_eq!(world.get(&lees, &path).await.status.as_u16(), 404, "{path}");
    }
}

/// The task and all that tells of its past.
const PAST: [&str; 7] = [
    "",
    "?as_of=1",
    "?as_of_occurred=2020-01-02T12:00:00Z",
    "/revisions/1",
    "/revisions/6",
    "/diff?from=1&to=6",
    "/history",
];

#[tokio::test]
async fn a_deleted_task_keeps_its_past_for_whoever_saw_it() {
    let world = World::new().await;
    let (id, token, _) = task(&world, false).await;
    for path in PAST {
        for reference in [id.to_string(), "T-1".to_owned()] {
            let reply = world.get(&token, &format!("/v1/tasks/{reference}{path}")).await;
            assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.body);
        }
    }
    // It was not deleted then, and will be purged thirty days after it was.
    let then = world.get(&token, &format!("/v1/tasks/{id}?as_of=5")).await.body;
    assert_eq!(json!([then["delete_time"], then["purge_time"]]), json!([null, null]));
    let difference = world.get(&token, &format!("/v1/tasks/{id}/diff?from=5&to=6")).await.body;
    let mut fields: Vec<_> =
        difference["changes"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
    fields.sort_by_key(|field| field.as_str());
    assert_eq!(fields, ["delete_time", "purge_time"]);
    let history = world.get(&token, &format!("/v1/tasks/{id}/history")).await;
    assert_eq!(history.items()[0]["type"], "task.deleted.v1");
    assert_eq!(history.items().len(), 6);
}

#[tokio::test]
async fn the_past_of_a_purged_task_is_for_auditors_only() {
    let world = World::new().await;
    let (id, creators, lee) = deleted_task(&world, false, TimeDelta::days(31)).await;
    let auditors = world.token(Uuid::now_v7(), &["auditor"]);
    let others = [
        creators,
        world.token(lee, &["member"]),
        world.token(Uuid::now_v7(), &["member", "manager"]),
        world.token(Uuid::now_v7(), &["member", "admin"]),
    ];
    for path in PAST {
        for reference in [id.to_string(), "T-1".to_owned()] {
            let path = format!("/v1/tasks/{reference}{path}");
            for token in &others {
                let reply = world.get(token, &path).await;
                assert_eq!((reply.status.as_u16(), reply.code()), (404, "NOT_FOUND"), "{path}");
            }
            assert_eq!(world.get(&auditors, &path).await.status.as_u16(), 200, "{path}");
        }
    }
    let first = world.get(&auditors, &format!("/v1/tasks/{id}?as_of=1")).await.body;
    assert_eq!((&first["title"], &first["delete_time"]), (&json!("first"), &Value::Null));
    world.reach("tasks", 6).await;
    world.reach("users", 6).await;
    let listed = "/v1/tasks?as_of=6&show_deleted=true";
    for token in &others {
        assert_eq!(world.get_when_reached(token, listed).await.items().len(), 0);
    }
    assert_eq!(world.get_when_reached(&auditors, listed).await.pluck("key"), ["T-1"]);
}
