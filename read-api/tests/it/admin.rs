//! What operators see of the read model itself.

use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn projections_tell_their_lag_by_lane() {
    let world = World::new().await;
    world.reach("tasks", 8).await;
    let sql = "UPDATE read_model.checkpoints SET position = 5, parked = 2, recorded_at = now() - interval '1 hour' \
         WHERE projection = 'tasks' AND lane = 4";
    sqlx::query(sql).execute(&world.pool).await.unwrap();
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let reply = world.get(&token, "/v1/admin/projections").await;
    assert_eq!(reply.pluck("name"), ["task_search", "tasks", "users"]);
    let tasks = &reply.items()[1];
    assert_eq!((&tasks["position"], &tasks["head"], &tasks["parked"]), (&json!(5), &json!(0), &json!(2)));
    assert_eq!(tasks["lanes"].as_array().unwrap().len(), 16);
    assert_eq!(tasks["lanes"][4]["parked"], 2);
}

#[tokio::test]
async fn parked_events_and_operations_are_listed_in_pages() {
    let world = World::new().await;
    for position in 1..=3_i64 {
        let sql = "INSERT INTO read_model.parked_events (projection, version, lane, aggregate_type, aggregate_id, \
             position, event_id, event_type, error) VALUES ('tasks', 1, 0, 'task', $1, $2, $1, 'task.created', 'bad')";
        sqlx::query(sql).bind(Uuid::now_v7()).bind(position).execute(&world.pool).await.unwrap();
        let sql = "INSERT INTO read_model.operations (id, kind, subject, done, total) \
             VALUES ($1, 'rebuild', 'projections/tasks', $2, 10)";
        sqlx::query(sql).bind(Uuid::now_v7()).bind(position).execute(&world.pool).await.unwrap();
    }
    let token = world.token(Uuid::now_v7(), &["operator"]);
    for (path, members) in
        [("/v1/admin/parked-events", ["position", "error"]), ("/v1/operations", ["progress", "metadata"])]
    {
        let first = world.get(&token, &format!("{path}?page_size=2")).await;
        assert_eq!(first.items().len(), 2);
        assert!(members.iter().all(|member| !first.items()[0][*member].is_null()));
        let page = first.body["next_page_token"].as_str().unwrap();
        let second = world.get(&token, &format!("{path}?page_size=2&page_token={page}")).await;
        assert_eq!((second.items().len(), &second.body["next_page_token"]), (1, &json!("")));
    }
    let newest = world.get(&token, "/v1/operations").await.items()[0].clone();
    assert_eq!(newest["progress"], json!({"done": 3, "total": 10}));
    let path = format!("/v1/{}", newest["name"].as_str().unwrap());
    assert_eq!(world.get(&token, &path).await.body, newest);
    assert_eq!(world.get(&token, "/v1/admin/parked-events?projection=users").await.items().len(), 0);
}

#[tokio::test]
async fn deliveries_are_listed_with_what_was_tried() {
    let world = World::new().await;
    for (position, state) in [(1_i64, "exhausted"), (2, "pending"), (3, "delivered")] {
        let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, state, attempts, payload, \
             end_time) VALUES ($1, $2, $3, 'email', 'ann', $4, 1, '{}', CASE $4 WHEN 'pending' THEN NULL ELSE now() END)";
        let (id, event) = (Uuid::from_u128(position as u128), Uuid::from_u128(100 + position as u128));
        sqlx::query(sql).bind(id).bind(event).bind(position).bind(state).execute(&world.pool).await.unwrap();
        let sql = "INSERT INTO delivery.attempts (delivery_id, number, outcome, code) VALUES ($1, 1, 'failed', '451')";
        sqlx::query(sql).bind(id).execute(&world.pool).await.unwrap();
    }
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let states =
        async |query: &str| world.get(&token, &format!("/v1/deliveries{query}")).await.pluck("state");
    assert_eq!(states("").await, ["delivered", "pending", "exhausted"]);
    assert_eq!(states("?state=exhausted&channel=email").await, ["exhausted"]);
    assert_eq!(states(&format!("?event_id={}", Uuid::from_u128(102))).await, ["pending"]);
    let first = world.get(&token, "/v1/deliveries?page_size=2").await;
    let page = first.body["next_page_token"].as_str().unwrap();
    assert_eq!(states(&format!("?page_size=2&page_token={page}")).await, ["exhausted"]);
    let pending = world.get(&token, &format!("/v1/deliveries/{}", Uuid::from_u128(2))).await.body;
    assert!(pending["due_time"].is_string() && pending["end_time"].is_null(), "{pending}");
    assert_eq!(
        (&pending["tried"][0]["outcome"], &pending["tried"][0]["code"]),
        (&json!("failed"), &json!("451"))
    );
}
