//! Many writers in several processes, and a reader that must miss nothing.

use std::process::Stdio;

use event_store::{AggregateRef, Appender, Log, Outcome, Role, Unit};
use sqlx::postgres::PgListener;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::{self, Store, one, stream, unit};

const PROCESSES: usize = 3;
const WRITERS: [usize; PROCESSES] = [11, 11, 10];
const COMMANDS: usize = 60;
/// Set for a process that is to write: the log's URL and how many writers.
const URL: &str = "EVENT_STORE_TEST_URL";
const COUNT: &str = "EVENT_STORE_TEST_WRITERS";

#[tokio::test(flavor = "multi_thread")]
async fn a_live_reader_sees_every_position_of_32_writers_in_3_processes() {
    if let (Ok(url), Ok(count)) = (std::env::var(URL), std::env::var(COUNT)) {
        return write(&url, count.parse().unwrap()).await;
    }
    let store = Store::new().await;
    let total: usize = WRITERS.iter().map(|writers| 2 * writers * COMMANDS).sum();
    let reader = tokio::spawn(read_all(store.url().to_owned(), i64::try_from(total).unwrap()));
    let writers: Vec<Child> = WRITERS.iter().map(|writers| start(store.url(), *writers)).collect();
    for mut writer in writers {
        assert!(writer.wait().await.unwrap().success());
    }
    tokio::time::timeout(store::PATIENCE, reader).await.unwrap().unwrap();
    assert_eq!(store.log.head().await.unwrap(), i64::try_from(total).unwrap());
}

/// This test again, in a process of its own.
fn start(url: &str, writers: usize) -> Child {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "writers::a_live_reader_sees_every_position_of_32_writers_in_3_processes"])
        .env(URL, url)
        .env(COUNT, writers.to_string())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the test binary")
}

/// Every writer writes one event to an aggregate of its own and one to an aggregate that all fight for.
async fn write(url: &str, writers: usize) {
    let mut config = store::config(url);
    config.batch_units = 8;
    let appender = Appender::spawn(config, CancellationToken::new());
    let log = Log::connect(store::pool(url, Role::Command));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (appender, log) = (appender.clone(), log.clone());
        tasks.spawn(async move {
            let own = store::task();
            for expected in 0..COMMANDS {
                let expected = i64::try_from(expected).expect("few");
                let outcome = appender.append(one(own, expected)).await.expect("answered");
                assert!(matches!(outcome, Outcome::Appended { .. }), "{outcome:?}");
                fight(&appender, &log).await;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a writer");
    }
}

/// Appends to the common aggregate, however often others are first.
async fn fight(appender: &Appender, log: &Log) {
    let common = AggregateRef { kind: "task", id: Uuid::nil() };
    loop {
        let last = log.read_aggregate_back("task", common.id, i64::MAX, 1).await.expect("readable");
        let expected = last.first().map_or(0, |event| event.sequence);
        match appender.append(one(common, expected)).await.expect("answered") {
            Outcome::Appended { .. } => return,
            Outcome::Conflict { aggregate } => assert_eq!(aggregate, common),
            other => panic!("{other:?}"),
        }
    }
}

/// Follows the log from its beginning, woken by its notifications; fails at the first gap.
async fn read_all(url: String, total: i64) {
    let pool = store::pool(&url, Role::Read);
    let mut wakeups = PgListener::connect_with(&pool).await.expect("a listener");
    wakeups.listen("event_store").await.expect("a channel");
    let log = Log::connect(pool);
    let mut checkpoint = 0;
    while checkpoint < total {
        let events = log.read_after(checkpoint, 100, 1 << 20).await.expect("readable");
        if events.is_empty() {
            wakeups.recv().await.expect("a notification");
        }
        for event in events {
            assert_eq!(event.position, checkpoint + 1);
            checkpoint = event.position;
        }
    }
}

/// D1: an open snapshot must not slow appends, as it would slow an updated counter row. Counted in pages that one
/// append touches, not in time.
#[tokio::test]
async fn an_open_snapshot_does_not_slow_a_hundred_thousand_appends() {
    let store = Store::configured(|config| config.batch_units = 500).await;
    store.append_all(units(1_000)).await;
    let mut reader = store.owner().await;
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut reader).await.unwrap();
    let seen: i64 =
        sqlx::query_scalar("SELECT count(*) FROM event_store.events").fetch_one(&mut reader).await.unwrap();
    let before = pages(&store).await;
    for _ in 0..25 {
        let outcomes = store.append_all(units(4_000)).await;
        let refused = outcomes.iter().find(|outcome| !matches!(outcome, Ok(Outcome::Appended { .. })));
        assert_eq!(refused, None);
    }
    let after = pages(&store).await;
    assert_eq!(store.log.head().await.unwrap(), 101_000);
    let still: i64 =
        sqlx::query_scalar("SELECT count(*) FROM event_store.events").fetch_one(&mut reader).await.unwrap();
    assert_eq!((seen, still), (1_000, 1_000), "the snapshot was open all the time");
    assert!(after <= 2 * before, "pages touched by an append: {before} before, {after} after");
}

fn units(count: usize) -> Vec<Unit> {
    (0..count).map(|_| unit(vec![stream(store::task(), 0, 1)])).collect()
}

/// Pages that one append touches, its plans being warm: the fewest, as caches of the catalogue may be lost in between.
async fn pages(store: &Store) -> i64 {
    const APPEND: &str = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT event_store.append(1, ARRAY['task'], \
         ARRAY[gen_random_uuid()], ARRAY[1], ARRAY[1], ARRAY[0], ARRAY[0], '{}', '{}', '{}', '{}', '{}', '{}', '{}', \
         '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', \
         '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";
    let mut owner = store.owner().await;
    let mut pages = i64::MAX;
    for _ in 0..5 {
        let plan: serde_json::Value = sqlx::query_scalar(APPEND).fetch_one(&mut owner).await.expect("a plan");
        let plan = &plan[0]["Plan"];
        let count = |name: &str| plan[name].as_i64().expect("a count");
        pages = pages.min(count("Shared Hit Blocks") + count("Shared Read Blocks"));
    }
    pages
}
