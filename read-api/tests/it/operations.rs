//! Operations that somebody waits for: `Prefer: wait`, and an operation by hand.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::FutureExt;
use read_api::progress::{self, Progress};
use serde_json::json;
use servers::testing;
use service::operation::subject;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{DEADLINE, World};

/// One that is under way; what carries operations out is not there.
pub(crate) async fn under_way(world: &World) -> Uuid {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO read_model.operations (id, kind, subject, state, total, start_time) \
         VALUES ($1, 'rebuild', 'projections/tasks', 'running', 10, clock_timestamp())";
    sqlx::query(sql).bind(id).execute(&world.pool).await.unwrap();
    id
}

pub(crate) async fn comes_to(world: &World, id: Uuid, done: i64) {
    let sql = "UPDATE read_model.operations SET done = $2 WHERE id = $1";
    sqlx::query(sql).bind(id).bind(done).execute(&world.pool).await.unwrap();
}

pub(crate) async fn ends(world: &World, id: Uuid) {
    let sql = "UPDATE read_model.operations SET state = 'done', done = total, end_time = clock_timestamp(), \
         response = '{\"version\": 2}' WHERE id = $1";
    sqlx::query(sql).bind(id).execute(&world.pool).await.unwrap();
}

#[tokio::test]
async fn who_would_wait_gets_the_end() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let id = under_way(&world).await;
    let path = format!("/v1/operations/{id}");
    let now = world.get(&token, &path).await;
    assert_eq!((&now.body["state"], now.header("preference-applied")), (&json!("running"), ""));
    let waiting = async {
        let mut reply = world.get_with(&token, &path, &[("prefer", "wait=20")]).await;
        // On a busy machine the time may be up first.
        while reply.body["state"] == "running" {
            assert_eq!((reply.status, reply.header("preference-applied")), (StatusCode::OK, "wait=20"));
            reply = world.get_with(&token, &path, &[("prefer", "wait=20")]).await;
        }
        reply
    };
    let (reply, ()) = tokio::join!(waiting, ends(&world, id));
    assert_eq!((reply.status, &reply.body["state"]), (StatusCode::OK, &json!("done")));
    assert_eq!(reply.header("preference-applied"), "wait=20");
    assert_eq!(reply.header("vary"), "Accept");
    assert_eq!(world.get(&token, &path).await.body, reply.body);
    let nowhere = format!("/v1/operations/{}", Uuid::now_v7());
    let reply = world.get_with(&token, &nowhere, &[("prefer", "wait=20")]).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "nobody waits for what is not there");
}

#[tokio::test]
async fn when_the_time_is_up_it_is_told_as_it_stands() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let id = under_way(&world).await;
    let reply = world.get_with(&token, &format!("/v1/operations/{id}"), &[("prefer", "wait=1")]).await;
    assert_eq!((reply.status, &reply.body["state"]), (StatusCode::OK, &json!("running")));
    assert_eq!(reply.header("preference-applied"), "wait=1");
}

/// What a message says is not looked at: it may be late, or made up.
#[tokio::test]
async fn messages_tell_which_operation_or_inbox_has_changed() {
    let server = testing::nats().await;
    let client =
        service::nats::connect(&server.url().parse().unwrap(), "test", &Default::default()).await.unwrap();
    let world = World::new().await;
    let (progress, ended) = (Progress::default(), CancellationToken::new());
    let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
    let mut news = [progress.operation(id), progress.inbox(id)];
    let mut nothing = [progress.operation(other), progress.inbox(other)];
    tokio::spawn(progress::run(progress, world.pool.clone(), Some(client.clone()), ended.clone()));
    // Who begins to listen misses some.
    let telling = async {
        let mut again = interval(Duration::from_millis(50));
        loop {
            again.tick().await;
            let odd = ["operations.x", "operations.a.b", "notices.a.x"].map(str::to_owned);
            for subject in odd.into_iter().chain([subject(id), service::inbox::subject(id)]) {
                client.publish(subject, "no operation".into()).await.unwrap();
            }
        }
    };
    let heard = async {
        for news in &mut news {
            while !news.stir().await {}
        }
    };
    tokio::select! {
        () = telling => {}
        heard = timeout(DEADLINE, heard) => heard.unwrap(),
    }
    for news in &mut nothing {
        assert_eq!(news.stir().now_or_never(), None);
    }
    ended.cancel();
}
