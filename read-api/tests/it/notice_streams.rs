//! Inboxes as streams: what they tell, from where on, and what ends them.

use axum::{body::Body, http::Request, response::Response};
use serde_json::json;
use servers::testing;
use service::auth::testing::Minter;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    seed::{Seed, store_user},
    streams::Events,
    world::{DEADLINE, World},
};

const PATH: &str = "/v1/notifications";

impl World {
    async fn inbox(&self, token: &str, path: &str, last: Option<&str>) -> Response {
        let request = Request::get(path).header("accept", "text/event-stream");
        let mut request = request.header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.open(request.body(Body::empty()).unwrap()).await
    }

    /// Everything is there up to there.
    async fn all_reach(&self, position: i64) {
        for projection in ["tasks", "users"] {
            self.reach(projection, position).await;
        }
    }
}

/// What comes up to and with the next `caught_up`: of notices their position, `2 notice 7`, `- unread 1`.
async fn round(events: &mut Events) -> Vec<String> {
    let mut came = Vec::new();
    loop {
        let (id, name, data) = events.next_at().await.unwrap();
        let said =
            ["position", "unread", "after"].into_iter().find_map(|member| data[member].as_i64()).unwrap();
        came.push(format!("{} {name} {said}", id.map_or("-".to_owned(), |id| id.to_string())));
        if name == "caught_up" {
            return came;
        }
    }
}

async fn inbox_of(world: &World) -> (Uuid, Uuid, String) {
    let ann = store_user(&world.pool, "ann", &["member"]).await;
    let task = Seed::new(1, ann).store(&world.pool).await.id;
    (ann, task, world.token(ann, &["member"]))
}

#[tokio::test]
async fn what_comes_is_told_once_and_in_order() {
    let nats = testing::nats().await;
    let client =
        service::nats::connect(&nats.url().parse().unwrap(), "test", &Default::default()).await.unwrap();
    let world = World::with_nats(Some(client.clone())).await;
    let (ann, task, token) = inbox_of(&world).await;
    world.tell(ann, task, 1, "task.assigned").await;
    world.all_reach(9).await;
    let response = world.inbox(&token, PATH, None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["vary"], "Accept");
    let mut events = Events::of(response);
    assert_eq!(round(&mut events).await, ["- unread 1", "1 caught_up 1"]);
    world.tell(ann, task, 4, "task.started").await;
    assert_eq!(round(&mut events).await, ["2 notice 4", "- unread 2", "2 caught_up 2"]);
    // Those of others are not for her.
    world.tell(Uuid::now_v7(), task, 5, "task.started").await;
    world.has_read(ann, 4, &[]).await;
    client.publish(service::inbox::subject(ann), "".into()).await.unwrap();
    assert_eq!(round(&mut events).await, ["- unread 0", "2 caught_up 2"]);
    // As in the list.
    world.tell(ann, task, 6, "task.held").await;
    let (_, _, told) = events.next_at().await.unwrap();
    assert_eq!(told, world.get(&token, PATH).await.body["items"][0]);
    assert_eq!(round(&mut events).await, ["- unread 1", "4 caught_up 4"]);
    // Several reactors tell: what happened earlier may come later.
    world.tell(ann, task, 3, "task.assigned").await;
    assert_eq!(round(&mut events).await, ["5 notice 3", "5 caught_up 5"]);
}

#[tokio::test]
async fn a_stream_goes_on_where_the_last_one_ended() {
    let world = World::new().await;
    let (ann, task, token) = inbox_of(&world).await;
    let private = Seed { private: true, ..Seed::new(2, Uuid::now_v7()) }.store(&world.pool).await.id;
    for position in [2, 3, 5] {
        world.tell(ann, task, position, "task.assigned").await;
    }
    world.tell(ann, private, 4, "task.assigned").await;
    world.all_reach(9).await;
    let caught_up = ["- unread 3", "4 caught_up 4"];
    for (path, last, told) in [
        ("?after=0", None, vec!["1 notice 2", "2 notice 3", "3 notice 5"]),
        ("?after=1", None, vec!["2 notice 3", "3 notice 5"]),
        ("?after=0", Some("2"), vec!["3 notice 5"]),
        ("", Some("1"), vec!["2 notice 3", "3 notice 5"]),
        ("?after=3", None, vec![]),
        ("?after=4", None, vec![]),
    ] {
        let mut events = Events::of(world.inbox(&token, &format!("{PATH}{path}"), last).await);
        assert_eq!(round(&mut events).await, [told, caught_up.to_vec()].concat(), "{path} {last:?}");
    }
    // An id that no stream of hers has given.
    let reply =
        world.get_with(&token, PATH, &[("accept", "text/event-stream"), ("last-event-id", "5")]).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (410, "POSITION_EXPIRED"));
}

/// A number is not seen before a lower one.
#[tokio::test]
async fn notices_come_one_transaction_after_the_other() {
    let world = World::new().await;
    let (ann, task, token) = inbox_of(&world).await;
    world.all_reach(9).await;
    let mut slow = PgConnection::connect(world.url()).await.unwrap();
    let mut slow = slow.begin().await.unwrap();
    let sql = "INSERT INTO delivery.notices (id, user_id, event_id, position, task_id, category, template, happening)
        SELECT gen_random_uuid(), user_id, gen_random_uuid(), 7, task_id, category, template, happening
        FROM delivery.notices";
    world.tell(ann, task, 6, "task.assigned").await;
    sqlx::query(sql).execute(&mut *slow).await.unwrap();
    let waits = async {
        let sql = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while !sqlx::query_scalar::<_, bool>(sql).fetch_one(&world.pool).await.unwrap() {}
    };
    let mut telling = std::pin::pin!(world.tell(ann, task, 8, "task.assigned"));
    tokio::select! {
        () = &mut telling => panic!("it did not wait"),
        waited = timeout(DEADLINE, waits) => waited.unwrap(),
    }
    slow.commit().await.unwrap();
    telling.await;
    let mut events = Events::of(world.inbox(&token, &format!("{PATH}?after=0"), None).await);
    let came = round(&mut events).await;
    let positions: Vec<_> =
        came.iter().filter_map(|one| one.split_once("notice ")).map(|one| one.1).collect();
    assert_eq!(positions, ["6", "7", "8"]);
}

#[tokio::test]
async fn long_inboxes_are_told_to_their_end() {
    let world = World::new().await;
    let (ann, task, token) = inbox_of(&world).await;
    for position in 1..=250 {
        world.tell(ann, task, position, "task.assigned").await;
    }
    world.all_reach(300).await;
    let mut events = Events::of(world.inbox(&token, &format!("{PATH}?after=0"), None).await);
    let came = round(&mut events).await;
    let notices: Vec<_> = (1..=250).map(|position| format!("notice {position}")).collect();
    let told: Vec<_> = came.iter().filter_map(|one| Some(one.split_once(' ')?.1.to_owned())).collect();
    assert_eq!(told[..250], notices);
    assert_eq!(came[250..], ["- unread 250", "250 caught_up 250"]);
}

/// What the read model does not know yet is not taken for hidden.
#[tokio::test]
async fn a_notice_waits_for_its_task() {
    let world = World::new().await;
    let (ann, task, token) = inbox_of(&world).await;
    world.all_reach(3).await;
    let mut events = Events::of(world.inbox(&token, &format!("{PATH}?after=0"), None).await);
    assert_eq!(round(&mut events).await, ["- unread 0", "0 caught_up 0"]);
    let new = Seed::new(2, ann);
    world.tell(ann, new.id, 4, "task.assigned").await;
    world.tell(ann, task, 5, "task.assigned").await;
    new.store(&world.pool).await;
    world.all_reach(5).await;
    let mut came = round(&mut events).await;
    while !came.contains(&"2 caught_up 2".to_owned()) {
        came.extend(round(&mut events).await);
    }
    came.retain(|one| !one.contains("caught_up"));
    came.sort();
    assert_eq!(came, ["- unread 2", "1 notice 4", "2 notice 5"]);
}

#[tokio::test]
async fn a_stream_ends_with_the_rights_of_its_reader() {
    let world = World::new().await;
    let (ann, _, _) = inbox_of(&world).await;
    let mut claims = Minter::claims(ann);
    claims["roles"] = json!(["member"]);
    let token = world.minter.sign(&world.minter.header(), &claims);
    let mut events = Events::of(world.inbox(&token, PATH, None).await);
    round(&mut events).await;
    let session = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, ended_at) \
         VALUES ($1::uuid, $2, now(), '{pwd}', '', clock_timestamp())";
    let session = sqlx::query(session).bind(claims["sid"].as_str()).bind(ann);
    session.execute(&world.pool).await.unwrap();
    events.closed_with("TOKEN_INVALID").await;
}

#[tokio::test]
async fn what_is_for_streams_only_is_refused_elsewhere() {
    let world = World::new().await;
    let (_, _, token) = inbox_of(&world).await;
    let reply = world.get(&token, &format!("{PATH}?after=0")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "UNKNOWN_PARAMETER"));
}
