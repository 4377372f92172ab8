//! What announcers see of announcements, and recipients of what they are told.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{seed::store_user, world::World};

const LIST: &str = "/v1/announcements";

impl World {
    async fn state(&self, consumer: &str, kind: &str, id: Uuid, state: Value) {
        let sql = "INSERT INTO delivery.states (consumer, kind, id, version, shape, state) VALUES ($1, $2, $3, 3, 1, $4)";
        sqlx::query(sql).bind(consumer).bind(kind).bind(id).bind(state).execute(&self.pool).await.unwrap();
    }

    /// An announcement to members as the reactor keeps it, written on this day of November.
    async fn announcement(&self, author: Uuid, day: u8, state: &str) -> Uuid {
        let id = Uuid::now_v7();
        let content = json!({"title": "The roof", "body": "It is *open*.", "channels": ["email", "inbox"],
            "audience": {"everyone": false, "roles": ["member"], "users": []}});
        let time = format!("2026-11-{day:02}T09:30:00.000000Z");
        let shown = json!({"version": 3, "author": author, "content": content, "state": state, "recipients": null,
            "scheduled": {"at": "2026-11-30T00:00:00.000000Z", "zone": "Asia/Seoul"},
            "create_time": time, "update_time": time});
        self.state("announcements", "announcement", id, shown).await;
        id
    }

    /// Somebody as the reactor of notices knows them.
    async fn person(&self, name: &str, more: &Value) -> Uuid {
        let id = store_user(&self.pool, name, &["member"]).await;
        let mut state = json!({"name": "sealed", "verified": true, "deactivated": false, "roles": ["member"],
            "service_scopes": null});
        let members = more.as_object().unwrap().clone();
        state.as_object_mut().unwrap().extend(members);
        self.state("notices", "user", id, state).await;
        id
    }

    /// Announcements are known up to the end of the log.
    async fn sent(&self, announcement: Uuid, to: &[Uuid]) -> Uuid {
        let event = Uuid::now_v7();
        let sql = "INSERT INTO delivery.announcement_sendings (announcement_id, version, as_of, recipients, event_id, position)
            VALUES ($1, 2, 1, $2, $3, 1)";
        let count = i64::try_from(to.len()).unwrap();
        sqlx::query(sql).bind(announcement).bind(count).bind(event).execute(&self.pool).await.unwrap();
        for user in to {
            let sql =
                "INSERT INTO delivery.announcement_recipients (announcement_id, user_id) VALUES ($1, $2)";
            sqlx::query(sql).bind(announcement).bind(user).execute(&self.pool).await.unwrap();
        }
        event
    }
}

#[tokio::test]
async fn announcements_are_listed_and_say_whom_they_mean() {
    let world = World::new().await;
    let ann = world.person("ann", &json!({})).await;
    world.person("gone", &json!({"deactivated": true})).await;
    world.person("robot", &json!({"service_scopes": []})).await;
    world.person("guest", &json!({"roles": []})).await;
    let draft = world.announcement(ann, 20, "draft").await;
    let sent = world.announcement(ann, 21, "scheduled").await;
    let token = world.token(ann, &["announcer"]);
    let list = world.get(&token, LIST).await;
    assert_eq!(list.pluck("id"), [sent.to_string(), draft.to_string()]);
    let first = &list.items()[0];
    assert_eq!((&first["schedule"]["zone"], &first["recipients"]), (&json!("Asia/Seoul"), &Value::Null));
    assert_eq!(world.get(&token, &format!("{LIST}?state=draft")).await.pluck("id"), [draft.to_string()]);
    assert!(world.get(&token, &format!("{LIST}?state=lost")).await.status.is_client_error());
    let page = world.get(&token, &format!("{LIST}?page_size=1")).await.body;
    let next = page["next_page_token"].as_str().unwrap();
    let rest = world.get(&token, &format!("{LIST}?page_size=1&page_token={next}")).await;
    assert_eq!(rest.pluck("id"), [draft.to_string()]);
    let one = world.get(&token, &format!("{LIST}/{draft}")).await;
    assert_eq!(
        (&one.body["title"], &one.body["audience"]["roles"]),
        (&json!("The roof"), &json!(["member"]))
    );
    let preview = world.get(&token, &format!("{LIST}/{draft}/preview")).await.body;
    assert_eq!((&preview["count"], &preview["items"]), (&json!(1), &json!([{"id": ann, "name": "ann"}])));
    let nowhere = Uuid::now_v7();
    for path in ["", "/preview", "/report"] {
        assert_eq!(world.get(&token, &format!("{LIST}/{nowhere}{path}")).await.status.as_u16(), 404);
        let member = world.token(ann, &["member"]);
        assert_eq!(world.get(&member, &format!("{LIST}/{draft}{path}")).await.status.as_u16(), 403);
    }
}

#[tokio::test]
async fn a_report_says_what_became_of_it_for_each_recipient() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann", &json!({})).await, world.person("bob", &json!({})).await);
    let announcement = world.announcement(ann, 21, "sent").await;
    let token = world.token(ann, &["announcer"]);
    let path = format!("{LIST}/{announcement}/report");
    assert_eq!(world.get(&token, &path).await.body["count"], 0);
    let event = world.sent(announcement, &[ann, bob]).await;
    let mail = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, state, reason, payload, end_time)
        VALUES ($1, $1, 1, 'email', $2, 'skipped', 'it came too late', '{}', now())";
    sqlx::query(mail).bind(event).bind(bob.to_string()).execute(&world.pool).await.unwrap();
    let notice = "INSERT INTO delivery.notices (id, user_id, event_id, position, announcement_id, category, template, happening)
        VALUES ($1, $2, $1, 1, $3, 'announcement', 'announcement', $4)";
    let announced = json!({"event": event, "trigger": "announcement.sent", "announcement": announcement,
        "actor": ann, "occurred_at": "2026-11-21T09:30:00Z"});
    let query = sqlx::query(notice).bind(event).bind(bob).bind(announcement).bind(announced);
    query.execute(&world.pool).await.unwrap();
    let report = world.get(&token, &path).await;
    assert_eq!(report.body["count"], 2);
    let of =
        |id: Uuid| report.items().iter().find(|item| item["recipient"]["id"] == json!(id)).unwrap().clone();
    assert_eq!(of(ann)["channels"], json!({}));
    let bobs = of(bob)["channels"].clone();
    assert_eq!(
        (&bobs["email"]["state"], &bobs["email"]["reason"]),
        (&json!("skipped"), &json!("it came too late"))
    );
    assert_eq!(bobs["inbox"]["state"], "delivered");
    let inbox = world.get(&world.token(bob, &["member"]), "/v1/notifications").await.body;
    let shown = &inbox["items"][0];
    assert_eq!((&shown["task"], &shown["announcement"]["title"]), (&Value::Null, &json!("The roof")));
    assert_eq!((&shown["actor"]["name"], &inbox["unread"]), (&json!("ann"), &json!(1)));
}
