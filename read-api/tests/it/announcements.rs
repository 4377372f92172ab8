//! What announcers see of announcements, and recipients of what they are told.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{operations::under_way, seed::store_user, world::World};

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

    /// An announcement was sent to these; the event that says so.
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

    /// A mail on its way.
    async fn mailed(&self, event: Uuid, to: Uuid) {
        let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, payload)
            VALUES ($1, $1, 1, 'email', $2, '{}')";
        sqlx::query(sql).bind(event).bind(to.to_string()).execute(&self.pool).await.unwrap();
    }

    /// A notice of an announcement.
    async fn shown(&self, event: Uuid, announcement: Uuid, to: Uuid) {
        let sql = "INSERT INTO delivery.notices (id, user_id, event_id, position, announcement_id, category, template, happening)
            SELECT $1, $2, $1, 1, id, 'announcement', 'announcement', $4 || jsonb_build_object('actor', author)
            FROM delivery.announcements WHERE id = $3";
        let announced = json!({"event": event, "trigger": "announcement.sent", "announcement": announcement,
            "occurred_at": "2026-11-21T09:30:00Z"});
        let query = sqlx::query(sql).bind(event).bind(to).bind(announcement).bind(announced);
        query.execute(&self.pool).await.unwrap();
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
    let token = world.token(Uuid::now_v7(), &["announcer"]);
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
    let token = world.token(Uuid::now_v7(), &["announcer"]);
    let path = format!("{LIST}/{announcement}/report");
    assert_eq!(world.get(&token, &path).await.body["count"], 0);
    let event = world.sent(announcement, &[ann, bob]).await;
    world.mailed(event, bob).await;
    let late =
        "UPDATE delivery.deliveries SET state = 'skipped', reason = 'it came too late', end_time = now()";
    sqlx::query(late).execute(&world.pool).await.unwrap();
    world.shown(event, announcement, bob).await;
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

#[tokio::test]
async fn what_was_given_a_time_is_an_operation_too() {
    let world = World::new().await;
    let bob = world.person("bob", &json!({})).await;
    let announcement = world.announcement(bob, 21, "sent").await;
    let token = world.token(Uuid::now_v7(), &["announcer"]);
    let path = format!("/v1/operations/{announcement}");
    let stands = async || {
        let operation = world.get(&token, &path).await.body;
        let end = operation["end_time"].is_string();
        let Value::Object(progress) = &operation["progress"] else { panic!("{operation}") };
        (
            operation["state"].as_str().unwrap().to_owned(),
            progress["done"].clone(),
            progress["total"].clone(),
            end,
        )
    };
    assert_eq!(stands().await, ("pending".to_owned(), json!(0), json!(0), false));
    let event = world.sent(announcement, &[bob]).await;
    world.mailed(event, bob).await;
    assert_eq!(stands().await, ("running".to_owned(), json!(0), json!(1), false));
    world.shown(event, announcement, bob).await;
    assert_eq!(stands().await, ("running".to_owned(), json!(1), json!(2), false));
    sqlx::query("UPDATE delivery.deliveries SET end_time = now()").execute(&world.pool).await.unwrap();
    assert_eq!(stands().await, ("done".to_owned(), json!(2), json!(2), true));
    let operation = world.get(&world.token(Uuid::now_v7(), &["operator"]), &path).await.body;
    assert_eq!(
        (&operation["kind"], &operation["metadata"]["subject"], &operation["response"]),
        (&json!("announcement"), &json!(format!("announcements/{announcement}")), &json!({"recipients": 1}))
    );
    // What operators ask for is theirs alone.
    let other = format!("/v1/operations/{}", under_way(&world).await);
    assert_eq!(world.get(&token, &other).await.status.as_u16(), 403);
    assert_eq!(world.get(&world.token(bob, &["member"]), &path).await.status.as_u16(), 403);
    let cancelled = world.announcement(bob, 22, "cancelled").await;
    let operation = world.get(&token, &format!("/v1/operations/{cancelled}")).await.body;
    assert_eq!((&operation["state"], operation["end_time"].is_string()), (&json!("cancelled"), true));
}
