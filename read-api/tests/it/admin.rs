//! What operators see of the read model itself.

use serde_json::{Value, json};
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
    assert_eq!(reply.pluck("name"), ["audit", "task_search", "tasks", "users"]);
    let tasks = &reply.items()[2];
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

#[tokio::test]
async fn processes_show_what_their_steps_have_come_to() {
    let world = World::new().await;
    for (position, steps) in
        [(1_i64, &["delivered"][..]), (2, &["delivered", "rejected"]), (3, &["delivered", "pending"])]
    {
        let id = Uuid::from_u128(position as u128);
        let sql = "INSERT INTO delivery.processes (id, kind, subject, position) VALUES ($1, 'hand_over', 'users/1', $2)";
        sqlx::query(sql).bind(id).bind(position).execute(&world.pool).await.unwrap();
        for (number, state) in steps.iter().enumerate() {
            let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, state, payload, end_time) \
                 VALUES ($1, $2, $3, 'command', $4, $5, '{}', CASE $5 WHEN 'pending' THEN NULL ELSE now() END)";
            let insert = sqlx::query(sql).bind(Uuid::now_v7()).bind(id).bind(position);
            insert.bind(number.to_string()).bind(state).execute(&world.pool).await.unwrap();
        }
    }
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let first = world.get(&token, "/v1/admin/processes?page_size=2").await;
    assert_eq!(first.pluck("state"), ["running", "failed"]);
    assert_eq!(first.items()[0]["progress"], json!({"done": 1, "total": 2}));
    assert!(first.items()[0]["end_time"].is_null() && first.items()[1]["end_time"].is_string());
    let page = first.body["next_page_token"].as_str().unwrap();
    let second = world.get(&token, &format!("/v1/admin/processes?page_size=2&page_token={page}")).await;
    assert_eq!(second.pluck("state"), ["done"]);
    assert_eq!(second.body["next_page_token"], "");
}

#[tokio::test]
async fn webhooks_are_their_owners_and_operators() {
    let world = World::new().await;
    let [owner, other, hook] = [(); 3].map(|()| Uuid::now_v7());
    let definition = json!({"url": "https://hooks.example.com/in", "description": null, "event_types": ["task.*"],
        "filter": null, "mode": "full", "ordering": "strict", "throttle_per_second": 7,
        "headers": {"authorization": "s1.sealed"}});
    let sql = "INSERT INTO delivery.webhooks (id, owner, version, state, definition, start, signature, secret, create_time, \
         update_time) VALUES ($1, $2, 3, 'enabled', $3, 'now', 'v1', $1, now(), now())";
    sqlx::query(sql).bind(hook).bind(owner).bind(&definition).execute(&world.pool).await.unwrap();
    let route = |replay: Option<Uuid>| replay.map_or(hook.to_string(), |replay| format!("{hook}/{replay}"));
    let replay = Uuid::now_v7();
    for (position, recipient) in [(1_i64, route(None)), (2, route(Some(replay))), (3, other.to_string())] {
        let id = Uuid::from_u128(position as u128);
        let sql = "INSERT INTO delivery.deliveries (id, event_id, position, channel, recipient, payload, due_at) \
             VALUES ($1, $1, $2, 'webhook', $3, '{}', 'infinity')";
        sqlx::query(sql).bind(id).bind(position).bind(recipient).execute(&world.pool).await.unwrap();
        let sql = "INSERT INTO delivery.attempts (delivery_id, number, outcome, request_excerpt) VALUES \
             ($1, 1, 'failed', E'webhook-id: 7\nauthorization: ***'), ($1, 2, 'unknown', NULL)";
        sqlx::query(sql).bind(id).execute(&world.pool).await.unwrap();
    }
    let own = world.token(owner, &["integrator"]);
    let foreign = world.token(other, &["integrator"]);
    let operator = world.token(other, &["operator"]);
    for token in [&own, &operator] {
        let listed = world.get(token, "/v1/webhooks").await;
        let one = world.get(token, &format!("/v1/webhooks/{hook}")).await.body;
        assert_eq!(listed.items(), std::slice::from_ref(&one));
        assert_eq!(
            (&one["headers"], &one["throttle_per_second"]),
            (&json!({"authorization": "***"}), &json!(7))
        );
        assert_eq!((&one["unfinished"], one.get("secret")), (&json!(1), None));
    }
    assert_eq!(world.get(&foreign, "/v1/webhooks").await.items().len(), 0);
    for path in ["", "/attempts"] {
        assert_eq!(world.get(&foreign, &format!("/v1/webhooks/{hook}{path}")).await.status, 404);
    }
    let attempts = format!("/v1/webhooks/{hook}/attempts");
    let ids = async |query: &str| world.get(&own, &format!("{attempts}{query}")).await.pluck("id");
    let id = |position: u128, number: i32| format!("{}-{number}", Uuid::from_u128(position));
    assert_eq!(ids("").await, [id(2, 2), id(2, 1), id(1, 2), id(1, 1)]);
    assert_eq!(ids("?outcome=failed").await, [id(2, 1), id(1, 1)]);
    assert_eq!(ids(&format!("?event_id={}", Uuid::from_u128(1))).await, [id(1, 2), id(1, 1)]);
    let first = world.get(&own, &format!("{attempts}?page_size=3")).await;
    let page = first.body["next_page_token"].as_str().unwrap();
    assert_eq!(ids(&format!("?page_size=3&page_token={page}")).await, [id(1, 1)]);
    assert_eq!(first.items()[0]["replay"], json!(replay));
    assert_eq!(first.items()[1]["headers"], json!({"webhook-id": "7", "authorization": "***"}));
    // A replay is an operation of the owner's; of others he learns nothing.
    let sql = "INSERT INTO read_model.operations (id, kind, subject, state) VALUES ($1, 'replay_webhook', $2, 'running'), \
         ($3, 'rebuild', 'projections/tasks', 'running')";
    let rebuild = Uuid::now_v7();
    let query = sqlx::query(sql).bind(replay).bind(format!("webhooks/{hook}")).bind(rebuild);
    query.execute(&world.pool).await.unwrap();
    for (id, token, status) in [
        (replay, &own, 200),
        (replay, &operator, 200),
        (replay, &foreign, 403),
        (rebuild, &own, 403),
        (Uuid::now_v7(), &own, 403),
    ] {
        assert_eq!(world.get(token, &format!("/v1/operations/{id}")).await.status, status);
    }
    // What waits for an endpoint to be resumed is due at no time.
    let waiting = world.get(&operator, &format!("/v1/deliveries/{}", Uuid::from_u128(1))).await.body;
    assert!(waiting["due_time"].is_null(), "{waiting}");
}

#[tokio::test]
async fn operators_see_whether_the_core_system_is_called() {
    let world = World::new().await;
    let operator = world.token(Uuid::now_v7(), &["operator"]);
    let breaker = async || {
        let shown = world.get(&operator, "/v1/admin/interface").await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        shown.body["breaker"].clone()
    };
    assert_eq!(breaker().await, Value::Null);
    // Whoever thinks worst of it is asked, but for those who have died.
    for (state, failures, minutes) in [("closed", 3, 0), ("open", 0, 0), ("probing", 0, 0), ("open", 0, 2)] {
        let sql = "INSERT INTO delivery.interface_breakers (process, state, failures, until, seen_at) VALUES \
             ($1, $2, $3, CASE $2 WHEN 'closed' THEN NULL ELSE timestamptz '2030-01-01 00:00:00.123456Z' END, \
             clock_timestamp() - make_interval(mins => $4))";
        let query = sqlx::query(sql).bind(Uuid::now_v7()).bind(state).bind(failures).bind(minutes);
        query.execute(&world.pool).await.unwrap();
    }
    let open = json!({"state": "open", "failures": 0, "until_time": "2030-01-01T00:00:00.123456Z"});
    assert_eq!(breaker().await, open);
    let gone = "DELETE FROM delivery.interface_breakers WHERE state <> 'closed'";
    sqlx::query(gone).execute(&world.pool).await.unwrap();
    assert_eq!(breaker().await, json!({"state": "closed", "failures": 3, "until_time": null}));
}
