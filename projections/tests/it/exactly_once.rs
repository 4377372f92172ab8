//! Every event exactly once, whatever dies and whoever works.

use domain::{event::Nothing, task::TaskEvent, time::Timestamp};

use crate::{
    fold_law::{assert_folded, some_histories},
    world::{World, task_event},
};

#[tokio::test(flavor = "multi_thread")]
async fn crashes_at_any_point_lose_and_repeat_nothing() {
    let world = World::new().await;
    let histories = some_histories(&world, 12).await;
    let head = world.log.head().await.unwrap();
    // Each life is a little longer than the one before, and ends in the middle of something.
    for moment in 0..40 {
        let workers = world.start();
        for _ in 0..moment * moment {
            tokio::task::yield_now().await;
        }
        world.number("SELECT count(*) FROM read_model.checkpoints").await;
        workers.crash().await;
    }
    let _workers = world.start();
    world.all_reached(head).await;
    assert_folded(&world, &histories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_at_or_below_a_checkpoint_are_dropped() {
    let world = World::new().await;
    let histories = some_histories(&world, 4).await;
    let head = world.log.head().await.unwrap();
    let workers = world.start_some(&["tasks"]);
    world.reached("tasks", head).await;
    workers.stop().await;
    // All lanes but one fall back, as after a takeover: the follower begins with them, that one sees everything again.
    let lane = projections::runner::lane_of(histories[0].id.0);
    world.run(&format!("UPDATE read_model.checkpoints SET position = 0, event_id = NULL WHERE lane <> {lane} AND projection = 'tasks'")).await;
    for history in histories.iter().filter(|history| projections::runner::lane_of(history.id.0) != lane) {
        for (table, task) in [
            ("tasks", "id"),
            ("comments", "task_id"),
            ("task_people", "task_id"),
            ("task_labels", "task_id"),
            ("task_versions", "id"),
            ("task_past_links", "task_id"),
        ] {
            world.run(&format!("DELETE FROM read_model_v1.{table} WHERE {task} = '{}'", history.id)).await;
        }
    }
    let _workers = world.start();
    world.all_reached(head).await;
    assert_folded(&world, &histories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_lanes_and_one_takes_over() {
    let world = World::new().await;
    let first = world.start();
    let shared = "SELECT count(DISTINCT lease_owner) = $2 AND count(*) FILTER (WHERE lease_owner IS NULL) = 0
        FROM read_model.checkpoints WHERE projection = $1";
    world.becomes_true(shared, "tasks", 1).await;
    let second = world.start();
    world.becomes_true(shared, "tasks", 2).await;
    let even =
        "SELECT min(held) = $2 AND max(held) = $2 FROM (SELECT count(*) AS held FROM read_model.checkpoints
        WHERE projection = $1 GROUP BY lease_owner) AS owners";
    world.becomes_true(even, "tasks", 8).await;
    let histories = some_histories(&world, 8).await;
    first.crash().await;
    let more = some_histories(&world, 8).await;
    // Needs the lanes of the dead: they are taken over when their leases have run out.
    let head = world.log.head().await.unwrap();
    world.all_reached(head).await;
    world.becomes_true(shared, "tasks", 1).await;
    assert_folded(&world, &histories).await;
    assert_folded(&world, &more).await;
    second.stop().await;
    let free =
        "SELECT count(*) = $2 FROM read_model.checkpoints WHERE projection = $1 AND lease_owner IS NULL";
    world.becomes_true(free, "tasks", 16).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_was_taken_gives_up() {
    let world = World::new().await;
    let histories = some_histories(&world, 2).await;
    let _workers = world.start();
    let head = world.log.head().await.unwrap();
    world.all_reached(head).await;
    // Somebody else holds lane 3 for the moment: the whole worker must stand back and go on with the rest.
    world
        .run(
            "UPDATE read_model.checkpoints SET lease_owner = gen_random_uuid(), lease_epoch = lease_epoch + 1,
                lease_until = clock_timestamp() + interval '1 s' WHERE projection = 'tasks' AND lane = 3",
        )
        .await;
    let id = histories[0].id.0;
    let expected = i64::try_from(histories[0].events.len()).unwrap();
    let deleted = histories[0].events.iter().rev().find_map(|(event, _)| match event {
        TaskEvent::Deleted(_) => Some(true),
        TaskEvent::Undeleted(_) => Some(false),
        _ => None,
    });
    let event = match deleted {
        Some(true) => TaskEvent::Undeleted(Nothing {}),
        _ => TaskEvent::Deleted(Nothing {}),
    };
    let now = Timestamp::from(chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap());
    let position = world.append("task", id, expected, vec![task_event(&event, now)]).await;
    world.reached("tasks", position).await;
    assert_folded(&world, &histories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_had_in_hand_when_its_lanes_were_taken_is_not_written() {
    const WAITS: &str = "FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'projections' AND wait_event_type = 'Lock'";
    let world = World::new().await;
    let _workers = world.start();
    world.all_reached(0).await;
    let mut gate = world.owner.begin().await.unwrap();
    sqlx::query("LOCK TABLE read_model_v1.tasks").execute(&mut *gate).await.unwrap();
    let histories = some_histories(&world, 2).await;
    world.becomes_true(&format!("SELECT $1 <> '' AND count(*) = $2 {WAITS}"), "tasks", 1).await;
    let worker = world.number(&format!("SELECT pid::bigint {WAITS}")).await;
    let take =
        "UPDATE read_model.checkpoints SET lease_owner = gen_random_uuid(), lease_epoch = lease_epoch + 1,
        lease_until = 'infinity' WHERE projection = 'tasks'";
    world.run(take).await;
    gate.commit().await.unwrap();
    // It finds out, and begins anew with nothing in hand.
    let gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND pid = $2)
        OR EXISTS (SELECT FROM read_model_v1.tasks)";
    world.becomes_true(gone, "projections", worker).await;
    assert_eq!(world.number("SELECT count(*) FROM read_model_v1.tasks").await, 0);
    let free = "UPDATE read_model.checkpoints SET lease_owner = NULL, lease_until = '-infinity' WHERE projection = 'tasks'";
    world.run(free).await;
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_folded(&world, &histories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_read_model_comes_back() {
    let world = World::new().await;
    let histories = some_histories(&world, 6).await;
    let head = world.log.head().await.unwrap();
    let workers = world.start();
    world.all_reached(head).await;
    wipe(&world).await;
    // The running workers wait; a restart migrates.
    projections::migrate(&world.url).await.unwrap();
    world.all_reached(head).await;
    assert_folded(&world, &histories).await;
    workers.stop().await;
}

/// Workers lock the tables in an order of their own when they renew their leases, and whoever waits first loses.
async fn wipe(world: &World) {
    const WIPE: &str = "DROP SCHEMA read_model CASCADE; DROP SCHEMA read_model_v1, read_model_v2, read_model_v3, read_model_v4 CASCADE";
    const DEADLOCK: Option<&str> = Some("40P01");
    while let Err(error) = sqlx::raw_sql(WIPE).execute(&world.owner).await {
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), DEADLOCK, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_restored_to_another_past_is_projected_anew() {
    let world = World::new().await;
    let histories = some_histories(&world, 3).await;
    let head = world.log.head().await.unwrap();
    let workers = world.start();
    world.all_reached(head).await;
    workers.stop().await;
    // Rows of a past that the restored log does not have.
    world.run(&format!("UPDATE read_model.tasks SET title = 'lost' WHERE id = '{}'", histories[0].id)).await;
    event_store::renew_epoch(&world.url).await.unwrap();
    let _workers = world.start();
    let renewed = "SELECT p.log_epoch = h.epoch AND p.live_version > $2 FROM read_model.projections AS p, event_store.log_head AS h
        WHERE p.name = $1";
    world.becomes_true(renewed, "tasks", 3).await;
    world.reached("tasks", head).await;
    assert_folded(&world, &histories).await;
}
