//! What people read of what they are told.

use axum::{body::Body, http::Request};
use domain::{
    notification_rule::{DefaultRule, NotificationRuleEvent},
    task::TaskEvent,
    user::UserEvent,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    log::{Writer, event, metadata},
    seed::{Seed, store_user},
    world::{Reply, World},
};

const LIST: &str = "/v1/notifications";

impl World {
    async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        let request = Request::post(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A notice as the reactor writes it; its id is its position.
    pub(crate) async fn tell(&self, user: Uuid, task: Uuid, position: u16, trigger: &str) {
        let happening = json!({
            "event": Uuid::from_u128(500 + u128::from(position)), "trigger": trigger, "task": task, "key": "T-1", "title": "Then",
            "actor": user, "occurred_at": "2026-11-21T09:30:00Z",
            "changes": [{"field": "assignees", "old": null, "new": user}],
        });
        let sql = "INSERT INTO delivery.notices (id, user_id, event_id, position, task_id, category, template, happening)
            VALUES ($1, $2, $3, $4, $5, 'assignment', 'assignment', $6)";
        let id = Uuid::from_u128(position.into());
        let query = sqlx::query(sql).bind(id).bind(user).bind(Uuid::from_u128(500 + u128::from(position)));
        query.bind(i64::from(position)).bind(task).bind(happening).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn has_read(&self, user: Uuid, up_to: i64, read: &[u16]) {
        let read: Vec<_> = read.iter().map(|one| Uuid::from_u128((*one).into())).collect();
        let sql = "INSERT INTO delivery.states (consumer, kind, id, version, shape, state)
            VALUES ('notices', 'inbox', $1, 1, 1, $2)
            ON CONFLICT (consumer, kind, id) DO UPDATE SET version = states.version + 1, state = excluded.state";
        let state = json!({"version": 1, "read_up_to": up_to, "read": read});
        sqlx::query(sql).bind(user).bind(state).execute(&self.pool).await.unwrap();
    }
}

fn positions(body: &Value) -> Vec<i64> {
    body["items"].as_array().unwrap().iter().map(|item| item["position"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn an_inbox_is_ones_own_and_says_what_was_not_read() {
    let world = World::new().await;
    let ann = store_user(&world.pool, "ann", &["member"]).await;
    let bob = Uuid::now_v7();
    let task = Seed::new(1, bob).store(&world.pool).await.id;
    let private = Seed { private: true, ..Seed::new(2, bob) }.store(&world.pool).await.id;
    for position in 1..=5 {
        world.tell(ann, task, position, "task.assigned").await;
    }
    world.tell(ann, private, 6, "task.assigned").await;
    world.has_read(ann, 2, &[4]).await;
    let token = world.token(ann, &["member"]);
    let all = world.get(&token, LIST).await.body;
    assert_eq!((positions(&all), &all["unread"]), (vec![5, 4, 3, 2, 1], &json!(2)));
    let first = &all["items"][0];
    assert_eq!(first["task"], json!({"id": task, "key": "T-1", "title": "Then"}));
    assert_eq!((&first["read"], &all["items"][1]["read"]), (&json!(false), &json!(true)));
    assert_eq!(first["changes"][0]["new"]["id"], json!(ann));
    assert_eq!(first["actor"], json!({"id": ann, "name": "ann"}));
    let page = world.get(&token, &format!("{LIST}?unread=true&page_size=1")).await.body;
    let next = page["next_page_token"].as_str().unwrap();
    let rest = world.get(&token, &format!("{LIST}?unread=true&page_size=1&page_token={next}")).await.body;
    assert_eq!(
        (positions(&page), positions(&rest), &rest["next_page_token"]),
        (vec![5], vec![3], &json!(""))
    );
    let other = world.get(&world.token(bob, &["member"]), LIST).await.body;
    assert_eq!((positions(&other), &other["unread"]), (vec![], &json!(0)));
    // Who sees no tasks any more reads of none.
    assert_eq!(positions(&world.get(&world.token(ann, &["operator"]), LIST).await.body), [0_i64; 0]);
}

#[tokio::test]
async fn rules_are_read_from_the_log() {
    let world = World::new().await;
    let admin = world.token(Uuid::now_v7(), &["admin"]);
    let member = world.token(Uuid::now_v7(), &["member"]);
    let rules = "/v1/notification-rules";
    assert_eq!(world.get(&member, rules).await.status, 403);
    assert_eq!(world.get(&admin, rules).await.items().len(), 0);
    let id = Uuid::now_v7();
    let made = json!({"notification_rule.created": DefaultRule::Commented.definition()});
    let events = vec![(event::<NotificationRuleEvent>(made), metadata(id))];
    Writer::new(&world).append("notification_rule", id, events).await;
    let listed = world.get(&admin, rules).await;
    let rule = world.get(&admin, &format!("{rules}/{id}")).await;
    assert_eq!(listed.items(), std::slice::from_ref(&rule.body));
    assert_eq!((&rule.body["replaces"], rule.header("etag")), (&json!("commented"), "\"1\""));
    assert_eq!(rule.body["audience"]["groups"], json!(["assignees", "watchers", "creator"]));
    assert_eq!(world.get(&admin, &format!("{rules}/{}", Uuid::now_v7())).await.status, 404);
}

#[tokio::test]
async fn preferences_are_shown_with_what_is_by_default() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["member"]);
    let wishes = world.get(&token, "/v1/notification-preferences").await.body;
    assert_eq!(wishes["channels"]["comment"], json!({"email": "digest", "push": "off", "inbox": "now"}));
    assert_eq!((&wishes["time_zone"], &wishes["digest_time"]), (&json!("UTC"), &json!("08:00")));
}

#[tokio::test]
async fn a_rule_can_be_tried_on_what_has_happened() {
    let world = World::new().await;
    let [kim, lee, eve] = [(); 3].map(|()| Uuid::now_v7());
    let writer = Writer::new(&world);
    for user in [kim, lee, eve] {
        let facts = [
            json!({"user.registered": {"email": format!("s1.{user}.a"), "name": format!("s1.{user}.n"), "locale": "en",
                "time_zone": "UTC"}}),
            json!({"user.verified": {}}),
            json!({"user.role_granted": {"role": "member"}}),
        ];
        let events = facts.map(|fact| (event::<UserEvent>(fact), metadata(user)));
        writer.append("user", user, events.into()).await;
    }
    let task = |visibility: &str, labels: Value| {
        json!({"task.created": {
            "key": "T-1", "title": "first", "description": null, "priority": "normal", "due": null, "labels": labels,
            "assignees": [lee], "creator": kim, "parent": null, "external_ref": null, "visibility": visibility,
        }})
    };
    let [open, hidden] = [(); 2].map(|()| Uuid::now_v7());
    let started = json!({"task.started": {"from": "waiting", "to": "in_progress"}});
    let labelled = json!({"task.label_added": {"label": "roof"}});
    for (id, visibility) in [(open, "team"), (hidden, "private")] {
        let facts = [task(visibility, json!([])), started.clone(), labelled.clone(), started.clone()];
        let events = facts.map(|fact| (event::<TaskEvent>(fact), metadata(kim)));
        writer.append("task", id, events.into()).await;
    }
    let path = "/v1/notification-rules/dry-run";
    let admin = world.token(eve, &["admin", "member"]);
    let rule = json!({
        "event_types": ["task.started"], "filter": "label : roof", "audience": {"groups": ["assignees", "creator"]},
        "category": "status",
    });
    let told = world.post(&admin, path, json!({"rule": rule})).await;
    let ways: Vec<_> =
        told.items().iter().map(|item| (&item["channel"], &item["mode"], &item["position"])).collect();
    // Only after the label came, not who acted, and nothing of a task that the admin does not see.
    let (email, inbox, at) = (json!("email"), json!("inbox"), json!(13));
    assert_eq!(ways, [(&email, &json!("digest"), &at), (&inbox, &json!("now"), &at)], "{}", told.body);
    assert!(
        told.items().iter().all(|item| item["recipient"]["id"] == json!(lee) && item["task"] == json!(open))
    );
    assert_eq!((&told.body["after"], &told.body["complete"]), (&json!(17), &json!(true)));
    let later = world.post(&admin, path, json!({"rule": rule, "after": 13})).await;
    assert_eq!((later.items().len(), &later.body["complete"]), (0, &json!(true)));
    let wrong = json!({"rule": {"event_types": ["task.flown"], "filter": "x", "more": 1}, "after": -1});
    let refused = world.post(&admin, path, wrong).await;
    let mut pointers: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/after", "/rule/audience", "/rule/event_types/0", "/rule/filter", "/rule/more"]);
    let ahead = world.post(&admin, path, json!({"rule": {"replaces": "commented"}, "up_to": 99})).await;
    assert_eq!(ahead.code(), "POSITION_AHEAD");
    let member =
        world.post(&world.token(kim, &["member"]), path, json!({"rule": {"replaces": "commented"}})).await;
    assert_eq!(member.status, 403);
}
