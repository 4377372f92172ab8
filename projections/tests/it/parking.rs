//! Bad events: set aside with what comes after them, and nothing else.

use chrono::DateTime;
use domain::{event::Nothing, task::TaskEvent, time::Timestamp};
use event_store::NewEvent;
use projections::{
    live::Live,
    parked::{self, ReplayError, Replayed},
    registry::TASKS,
    runner::lane_of,
};
use uuid::Uuid;

use crate::{
    fold_law::some_histories,
    world::{World, stored, task_event},
};

fn now() -> Timestamp {
    DateTime::from_timestamp(1_900_000_000, 0).unwrap().into()
}

fn poison() -> NewEvent {
    stored("task.renamed_from_the_future", "1", "{}".into(), now())
}

async fn parked(world: &World) -> Vec<(i64, Uuid, Option<String>)> {
    let sql = "SELECT id, aggregate_id, error FROM read_model.parked_events WHERE projection = 'tasks' ORDER BY position";
    sqlx::query_as(sql).fetch_all(&world.owner).await.unwrap()
}

fn aggregate_in(lane: i16) -> Uuid {
    std::iter::repeat_with(Uuid::now_v7).find(|id| lane_of(*id) == lane).unwrap()
}

async fn first_parked(world: &World) -> i64 {
    parked(world).await.first().expect("something is parked").0
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_events_wait_in_order_and_are_replayed() {
    let world = World::new().await;
    let mut histories = some_histories(&world, 6).await;
    let bad = histories.remove(3);
    let count = i64::try_from(bad.events.len()).unwrap();
    world.append("task", bad.id.0, count, vec![poison()]).await;
    let workers = world.start_some(&["tasks"]);
    world.reached("tasks", world.log.head().await.unwrap()).await;
    // A later batch finds the aggregate waiting.
    let label = stored("task.label_added", "1", r#"{"label":"after the bad one"}"#.into(), now());
    let position = world.append("task", bad.id.0, count + 1, vec![label]).await;
    world.reached("tasks", position).await;
    let waiting = parked(&world).await;
    assert_eq!(
        waiting.iter().map(|(_, id, error)| (*id, error.is_some())).collect::<Vec<_>>(),
        [(bad.id.0, true), (bad.id.0, false)]
    );
    assert!(waiting[0].2.as_ref().unwrap().contains("unknown event"), "{waiting:?}");
    assert_eq!(
        world.number("SELECT sum(parked) FROM read_model.checkpoints WHERE projection = 'tasks'").await,
        2
    );
    assert_folded_all_but_search(&world, &histories).await;

    let (projector, id) = (world.projector("tasks"), first_parked(&world).await);
    let again = parked::replay(&*projector, &world.sources, id).await.unwrap();
    assert_eq!(again, Replayed { applied: 0, left: 2 });
    assert_eq!(world.number("SELECT max(attempts)::bigint FROM read_model.parked_events").await, 2);

    let given_up = parked::discard(&*projector, &world.sources, id).await.unwrap();
    assert_eq!(given_up, Replayed { applied: 1, left: 0 });
    assert!(parked(&world).await.is_empty());
    assert_eq!(
        world.number("SELECT sum(parked) FROM read_model.checkpoints WHERE projection = 'tasks'").await,
        0
    );
    let labelled = format!(
        "SELECT count(*) FROM read_model.tasks WHERE id = '{}' AND labels @> ARRAY['after the bad one']",
        bad.id
    );
    assert_eq!(world.number(&labelled).await, 1);
    assert!(matches!(parked::replay(&*projector, &world.sources, id).await, Err(ReplayError::NotParked)));

    // And the aggregate goes on as if nothing had happened.
    let deleted = task_event(&TaskEvent::Deleted(Nothing {}), now());
    let position = world.append("task", bad.id.0, count + 2, vec![deleted]).await;
    world.reached("tasks", position).await;
    let at = format!("SELECT position FROM read_model.tasks WHERE id = '{}'", bad.id);
    assert_eq!(world.number(&at).await, position);
    workers.stop().await;
}

/// Only `tasks` is at work here.
async fn assert_folded_all_but_search(world: &World, histories: &[crate::histories::History]) {
    for history in histories {
        let (task, _) = crate::fold_law::folded(world, history.id.0).await;
        assert_eq!(crate::fold_law::stored_task(&world.owner, history.id.0).await, task);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_the_tables_refuse_is_parked_too() {
    let world = World::new().await;
    let mut histories = some_histories(&world, 5).await;
    // An assignee twice: the domain never says so, and the key of task_people does not take it.
    world
        .run("ALTER TABLE read_model_v1.tasks ADD CONSTRAINT planted CHECK (progress < 200 AND title <> 'refused')")
        .await;
    let bad = histories.remove(0);
    let count = i64::try_from(bad.events.len()).unwrap();
    let refused = stored("task.title_changed", "1", r#"{"from":"x","to":"refused"}"#.into(), now());
    let position = world.append("task", bad.id.0, count, vec![refused]).await;
    let _workers = world.start_some(&["tasks"]);
    world.reached("tasks", position).await;
    let waiting = parked(&world).await;
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].2.as_ref().unwrap().contains("planted"), "{waiting:?}");
    assert_folded_all_but_search(&world, &histories).await;
    world.run("ALTER TABLE read_model_v1.tasks DROP CONSTRAINT planted").await;
    let replayed = parked::replay(&*world.projector("tasks"), &world.sources, waiting[0].0).await.unwrap();
    assert_eq!(replayed, Replayed { applied: 1, left: 0 });
    assert_folded_all_but_search(&world, std::slice::from_ref(&bad)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bad_events_stop_the_projection_and_no_other() {
    let world = World::new().await;
    let histories = some_histories(&world, 3).await;
    let mut position = 0;
    // Spread evenly, so that no lane is over its share before all together are too many.
    for lane in (0..16).cycle().take(120) {
        position = world.append("task", aggregate_in(lane), 0, vec![poison()]).await;
    }
    let users = world.start();
    let stopped = "SELECT state = 'stopped' AND reason IS NOT NULL AND $2 = 0 FROM read_model.projections WHERE name = $1";
    world.becomes_true(stopped, "tasks", 0).await;
    world.reached("users", position).await;
    let count =
        world.number("SELECT count(*) FROM read_model.parked_events WHERE projection = 'tasks'").await;
    assert_eq!(count, 100);
    // What came before the limit is there, the checkpoint is just before the event too many.
    let lowest =
        world.number("SELECT min(position) FROM read_model.checkpoints WHERE projection = 'tasks'").await;
    let last_parked =
        world.number("SELECT max(position) FROM read_model.parked_events WHERE projection = 'tasks'").await;
    assert_eq!(lowest, last_parked);
    assert_folded_all_but_search(&world, &histories).await;
    // Discarding makes room: it goes on, and stops again.
    let (projector, id) = (world.projector("tasks"), first_parked(&world).await);
    parked::discard(&*projector, &world.sources, id).await.unwrap();
    let moved = "SELECT min(position) > $2 FROM read_model.checkpoints WHERE projection = $1";
    world.becomes_true(moved, "tasks", lowest).await;
    world.becomes_true(stopped, "tasks", 0).await;
    let live = Live::of(world.sources.read_model.look_ups(), &TASKS).await.unwrap().unwrap();
    assert!(live.reason.unwrap().contains("parked"));
    users.stop().await;
}
