//! Reads that wait for a position, and answers that say how fresh they are.

use axum::http::StatusCode;
use servers::testing;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    seed::{Seed, store_user},
    world::World,
};

/// Puts that many events into the log, whatever they are: only its head matters here.
async fn grow_log(pool: &PgPool, events: i64) {
    const METADATA: &str = r#"{"actor_type": "system", "request_id": "00000000-0000-0000-0000-000000000000",
        "correlation_id": "00000000-0000-0000-0000-000000000000", "transport": "system", "occurred_at": "2026-11-21T00:00:00Z"}"#;
    let sql = "INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, \
         event_type, event_version, payload, metadata) \
         SELECT p, p, now(), gen_random_uuid(), 'task', '00000000-0000-0000-0000-000000000000', 'x', '1', '{}', $2::json \
         FROM generate_series(1, $1::bigint) p";
    sqlx::query(sql).bind(events).bind(METADATA).execute(pool).await.unwrap();
}

async fn nats() -> (testing::TestNats, async_nats::Client) {
    let server = testing::nats().await;
    let client =
        service::nats::connect(&server.url().parse().unwrap(), "test", &Default::default()).await.unwrap();
    (server, client)
}

async fn told(client: &async_nats::Client, projection: &str, version: i32, position: i64) {
    let payload = format!("{{\"version\":{version},\"position\":{position}}}");
    client.publish(format!("progress.{projection}"), payload.into()).await.unwrap();
    client.flush().await.unwrap();
}

#[tokio::test]
async fn a_read_waits_for_the_slowest_projection_it_uses() {
    let (_server, client) = nats().await;
    let world = World::with_nats(Some(client.clone())).await;
    grow_log(&world.pool, 20).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    Seed::new(1, kim).store(&world.pool).await;
    let token = world.token(kim, &["member"]);
    let reading = world.get_when_reached(&token, "/v1/tasks/T-1?min_position=20");
    let projecting = async {
        world.reach("tasks", 20).await;
        told(&client, "tasks", 1, 20).await;
        world.reach("users", 20).await;
        told(&client, "users", 3, 20).await;
    };
    let (reply, ()) = tokio::join!(reading, projecting);
    assert_eq!((reply.status, reply.header("position")), (StatusCode::OK, "20"));
    // Lists do not wait for the text unless they search in it.
    assert_eq!(world.get(&token, "/v1/tasks?min_position=20").await.status, StatusCode::OK);
    let reply = world.get(&token, "/v1/tasks?min_position=20&q=task").await;
    assert_eq!(reply.code(), "PROJECTION_BEHIND");
}

#[tokio::test]
async fn polling_alone_is_enough() {
    let world = World::new().await;
    grow_log(&world.pool, 5).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    world.reach("users", 5).await;
    let token = world.token(kim, &["member"]);
    let reply = world.get_when_reached(&token, "/v1/users/me?min_position=5").await;
    assert_eq!((reply.status, reply.header("position")), (StatusCode::OK, "5"));
}

#[tokio::test]
async fn one_lagging_lane_is_enough_to_wait() {
    let world = World::new().await;
    grow_log(&world.pool, 5).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    // Nobody may see the lane further than it is.
    world.reach("users", 4).await;
    sqlx::query("UPDATE read_model.checkpoints SET position = 5 WHERE projection = 'users' AND lane <> 3")
        .execute(&world.pool)
        .await
        .unwrap();
    let token = world.token(kim, &["member"]);
    let reply = world.get_when_reached(&token, "/v1/users/me?min_position=4").await;
    assert_eq!(reply.status, StatusCode::OK);
    let reply = world.get(&token, "/v1/users/me?min_position=5").await;
    assert_eq!((reply.status, reply.code()), (StatusCode::SERVICE_UNAVAILABLE, "PROJECTION_BEHIND"));
    assert_eq!((reply.header("retry-after"), &reply.body["position"]), ("1", &4.into()));
}

#[tokio::test]
async fn positions_ahead_of_the_log_are_refused_at_once() {
    let world = World::new().await;
    grow_log(&world.pool, 5).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let token = world.token(kim, &["member"]);
    let paths =
        ["/v1/tasks", "/v1/tasks/T-1", "/v1/tasks/counts?group_by=label", "/v1/labels", "/v1/users/me"];
    for path in paths {
        let join = if path.contains('?') { '&' } else { '?' };
        let reply = world.get(&token, &format!("{path}{join}min_position=6")).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "POSITION_AHEAD"), "{path}");
    }
    for bad in ["-1", "x", "1.5", "99999999999999999999"] {
        let reply = world.get(&token, &format!("/v1/tasks?min_position={bad}")).await;
        assert_eq!(reply.code(), "INVALID_PARAMETER", "{bad}");
    }
}

#[tokio::test]
async fn waiting_comes_before_if_none_match() {
    let world = World::new().await;
    grow_log(&world.pool, 5).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    Seed::new(1, kim).store(&world.pool).await;
    let token = world.token(kim, &["member"]);
    let known = [("if-none-match", "\"1\"")];
    let reply = world.get_with(&token, "/v1/tasks/T-1?min_position=5", &known).await;
    assert_eq!(reply.code(), "PROJECTION_BEHIND", "the client's version may be old by now");
}

#[tokio::test]
async fn parked_tasks_are_stale_and_cannot_be_waited_for() {
    let world = World::new().await;
    grow_log(&world.pool, 9).await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    let (parked, other) = (Seed::new(1, kim), Seed::new(2, kim));
    let sql = "INSERT INTO read_model.parked_events (projection, version, lane, aggregate_type, aggregate_id, position, \
         event_id, event_type, error) VALUES ('tasks', 1, 0, 'task', $1, 7, $2, 'task.created', 'bad'), \
         ('tasks', 1, 0, 'task', $1, 8, $3, 'task.assigned', NULL)";
    sqlx::query(sql)
        .bind(parked.id)
        .bind(Uuid::now_v7())
        .bind(Uuid::now_v7())
        .execute(&world.pool)
        .await
        .unwrap();
    let (parked, other) = (parked.store(&world.pool).await, other.store(&world.pool).await);
    world.reach("tasks", 9).await;
    world.reach("users", 9).await;
    let token = world.token(kim, &["member"]);
    let get = async |task: &Seed, query: &str| {
        world.get_when_reached(&token, &format!("/v1/tasks/{}?{query}", task.id)).await
    };
    let reply = get(&other, "min_position=9").await;
    assert_eq!((reply.status, reply.header("stale")), (StatusCode::OK, ""));
    let reply = get(&parked, "min_position=7").await;
    assert_eq!((reply.status, reply.code()), (StatusCode::SERVICE_UNAVAILABLE, "AGGREGATE_PARKED"));
    assert_eq!(world.get(&token, "/v1/tasks/T-1?min_position=9").await.code(), "AGGREGATE_PARKED");
    let reply = get(&parked, "min_position=6").await;
    assert_eq!((reply.status, reply.header("stale")), (StatusCode::OK, "parked"));
    assert_eq!(world.get(&token, "/v1/tasks").await.header("stale"), "parked");
}

#[tokio::test]
async fn operations_wait_for_requests_not_for_every_event() {
    let world = World::new().await;
    grow_log(&world.pool, 9).await;
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let paths = ["/v1/operations", "/v1/admin/projections", "/v1/admin/parked-events"];
    for path in paths {
        let reply = world.get(&token, &format!("{path}?min_position=9")).await;
        assert_eq!((reply.status, reply.header("position")), (StatusCode::OK, "0"), "{path}");
        assert_eq!(world.get(&token, &format!("{path}?min_position=10")).await.code(), "POSITION_AHEAD");
    }
    let requested = "UPDATE event_store.events SET event_type = 'operation.requested' WHERE position = 8";
    sqlx::query(requested).execute(&world.pool).await.unwrap();
    assert_eq!(world.get(&token, "/v1/operations?min_position=7").await.status, StatusCode::OK);
    let waiting = world.get_when_reached(&token, "/v1/operations?min_position=9");
    let taking_in = async {
        let sql = "INSERT INTO read_model.checkpoints (projection, version, lane, position) VALUES ('operations', 0, 0, 8)";
        sqlx::query(sql).execute(&world.pool).await.unwrap();
    };
    let (reply, ()) = tokio::join!(waiting, taking_in);
    assert_eq!((reply.status, reply.header("position")), (StatusCode::OK, "8"));
}
