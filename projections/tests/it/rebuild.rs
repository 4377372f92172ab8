//! Rebuilding beside the live version.

use std::time::Duration;

use projections::rebuild::{Options, Phase, RebuildError, RebuildProgress, rebuild};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    fold_law::{assert_folded, some_histories},
    world::World,
};

/// The lease outlasts every test: what is free only once it has run out would be missed.
fn options() -> Options {
    Options { page: 50, lease: Duration::from_secs(3_600), ..Options::default() }
}

async fn rows(world: &World, table: &str) -> Option<String> {
    let sql =
        format!("SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM read_model.{table} AS t");
    world.text(&sql).await
}

const TABLES: [&str; 9] = [
    "tasks",
    "task_people",
    "task_labels",
    "comments",
    "task_search",
    "task_versions",
    "task_past_links",
    "users",
    "audit_events",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_identical_rows_and_replaces_the_live_ones() {
    let world = World::new().await;
    let histories = some_histories(&world, 20).await;
    let head = world.log.head().await.unwrap();
    let workers = world.start();
    world.all_reached(head).await;
    for table in TABLES {
        let before = rows(&world, table).await;
        for name in ["tasks", "task_search", "users", "audit"] {
            let told = watch::Sender::new(RebuildProgress::default());
            let rebuilt = rebuild(&*world.projector(name), &world.sources, &options(), &told).await.unwrap();
            assert!(rebuilt.differences.is_empty());
            assert_eq!(told.borrow().phase, Phase::Done);
        }
        assert_eq!(rows(&world, table).await, before, "{table}");
    }
    // Nothing of the old versions is left, and the workers go on with the new ones.
    assert_eq!(
        world.number("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'read\\_model\\_v%'").await,
        4
    );
    assert_eq!(world.number("SELECT count(DISTINCT version) FROM read_model.checkpoints").await, 4);
    let more = some_histories(&world, 3).await;
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_folded(&world, &histories).await;
    assert_folded(&world, &more).await;
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_load_loses_nothing() {
    let world = World::new().await;
    let mut histories = some_histories(&world, 10).await;
    let _workers = world.start();
    let tasks = world.projector("tasks");
    let told = watch::Sender::default();
    let options = options();
    let rebuilding = async {
        for _ in 0..3 {
            rebuild(&*tasks, &world.sources, &options, &told).await.unwrap();
        }
    };
    let writing = async {
        let mut written = Vec::new();
        for _ in 0..6 {
            written.extend(some_histories(&world, 10).await);
        }
        written
    };
    let done = CancellationToken::new();
    let reading = read_on(&world, done.clone());
    let working = async {
        let both = tokio::join!(rebuilding, writing);
        done.cancel();
        both
    };
    let (((), written), reads) = tokio::join!(working, reading);
    assert!(reads > 10, "{reads}");
    histories.extend(written);
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_folded(&world, &histories).await;
}

/// Reads on one connection, with one prepared statement, all the time: nothing fails, nothing goes back.
async fn read_on(world: &World, done: CancellationToken) -> u64 {
    let mut reader = world.owner.acquire().await.unwrap();
    let (mut reads, mut before) = (0, 0);
    while !done.is_cancelled() {
        let sql = "SELECT count(*) + coalesce(max(position), 0) FROM read_model.tasks";
        let now: i64 = sqlx::query_scalar(sql).fetch_one(&mut *reader).await.unwrap();
        assert!(now >= before, "{now} after {before}");
        (reads, before) = (reads + 1, now);
    }
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_stop_a_rebuild_unless_accepted() {
    let world = World::new().await;
    let histories = some_histories(&world, 6).await;
    let workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    let (changed, gone) = (histories[0].id, histories[1].id);
    world.run(&format!("UPDATE read_model_v1.tasks SET title = 'planted' WHERE id = '{changed}'")).await;
    world.run(&format!("DELETE FROM read_model_v1.tasks WHERE id = '{gone}'")).await;
    let person = "DELETE FROM read_model_v1.task_people WHERE role = 'creator' AND task_id";
    world.run(&format!("{person} = '{changed}'")).await;
    let tasks = world.projector("tasks");
    let told = watch::Sender::default();
    let refused = rebuild(&*tasks, &world.sources, &options(), &told).await.unwrap_err();
    let RebuildError::Different(differences) = refused else { panic!("{refused}") };
    let found: Vec<_> =
        differences.0.iter().map(|found| (found.table, found.column.as_str(), found.rows)).collect();
    assert_eq!(found, [("tasks", "(extra)", 1), ("tasks", "title", 1), ("task_people", "(extra)", 1)]);
    assert!(differences.to_string().contains(&format!("tasks.title: 1 rows, for example {changed}")));
    assert_eq!(
        world.number("SELECT live_version::bigint FROM read_model.projections WHERE name = 'tasks'").await,
        1
    );

    let accepting = Options { accept_differences: true, ..options() };
    let rebuilt = rebuild(&*tasks, &world.sources, &accepting, &told).await.unwrap();
    assert_eq!(rebuilt.differences.0.len(), 3);
    assert_folded(&world, &histories).await;
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rebuild_at_a_time_and_a_dead_one_is_cleared_away() {
    let world = World::new().await;
    some_histories(&world, 6).await;
    let _workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    let tasks = world.projector("tasks");
    let options = options();
    let phases = [Phase::Filling, Phase::Indexing, Phase::CatchingUp, Phase::Comparing];
    for (number, phase) in phases.iter().enumerate() {
        let told = watch::Sender::new(RebuildProgress { phase: Phase::Done, ..RebuildProgress::default() });
        let mut latest = told.subscribe();
        let dying = rebuild(&*tasks, &world.sources, &options, &told);
        tokio::select! {
            ended = dying => panic!("{ended:?} before {phase:?}"),
            // A short phase may have passed before anybody looked.
            _ = latest.wait_for(|progress| phases[number..].contains(&progress.phase)) => {}
        }
        // Dropped in the middle, as by a crash: its lease still stands.
        let quick = watch::Sender::default();
        let second = rebuild(&*tasks, &world.sources, &options, &quick).await;
        assert!(matches!(second, Err(RebuildError::AlreadyRunning)), "{second:?}");
        world.leases_of_rebuilds_run_out().await;
    }
    rebuild(&*tasks, &world.sources, &options, &watch::Sender::default()).await.unwrap();
    assert_eq!(
        world.number("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'read\\_model\\_v%'").await,
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_shape_are_rebuilt_at_the_start() {
    let world = World::new().await;
    let histories = some_histories(&world, 4).await;
    world.run("UPDATE read_model.projections SET shape = 'older-0'").await;
    let _workers = world.start();
    let renewed = "SELECT live_version > 4 AND shape <> 'older-0' AND $2 = 0 FROM read_model.projections WHERE name = $1";
    for name in ["tasks", "task_search", "users", "audit"] {
        world.becomes_true(renewed, name, 0).await;
    }
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_folded(&world, &histories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_tables_are_left_alone() {
    let world = World::new().await;
    some_histories(&world, 1).await;
    world.run("UPDATE read_model.projections SET shape = 'newer-1000000' WHERE name = 'tasks'").await;
    let workers = world.start();
    world.reached("task_search", world.log.head().await.unwrap()).await;
    workers.stop().await;
    assert_eq!(
        world.number("SELECT max(position) FROM read_model.checkpoints WHERE projection = 'tasks'").await,
        0
    );
    assert_eq!(
        world.number("SELECT live_version::bigint FROM read_model.projections WHERE name = 'tasks'").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_parks_what_it_cannot_fold() {
    let world = World::new().await;
    let mut histories = some_histories(&world, 4).await;
    let bad = histories.pop().unwrap();
    let count = i64::try_from(bad.events.len()).unwrap();
    let at = bad.events[0].1;
    let unknown = crate::world::stored("task.unheard_of", "1", "{}".into(), at);
    let after = crate::world::stored("task.label_added", "1", r#"{"label":"x"}"#.into(), at);
    world.append("task", bad.id.0, count, vec![unknown, after]).await;
    let _workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    let parked = "SELECT count(*) FROM read_model.parked_events AS e JOIN read_model.projections AS p
        ON p.name = e.projection AND p.live_version = e.version WHERE p.name = 'tasks'";
    assert_eq!(world.number(parked).await, 2);
    let rebuilt =
        rebuild(&*world.projector("tasks"), &world.sources, &options(), &watch::Sender::default()).await;
    assert!(rebuilt.unwrap().differences.is_empty());
    assert_eq!(world.number(parked).await, 2);
    assert_eq!(
        world.number("SELECT sum(parked) FROM read_model.checkpoints WHERE projection = 'tasks'").await,
        2
    );
    assert_folded(&world, &histories).await;
}
