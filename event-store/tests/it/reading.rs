//! Reading by position, aggregate, type and time.

use domain::{task::Task, time::Timestamp};
use event_store::{ClaimAction, Class, LogError, Role, Snapshot, TaskKeys, load};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::{self, Store, answered, claiming, event, one, stream, task, unit};

#[tokio::test]
async fn an_event_is_read_as_it_was_written() {
    let store = Store::new().await;
    let a = task();
    let mut written = one(a, 0);
    // Bytes that a parser would change: order, spaces, escapes, numbers.
    let payload = r#"{ "b":1.0,"a" : "\u00e4\u0000" ,"n":123456789012345678901234567890}"#;
    written.streams[0].events = vec![event(payload)];
    let new = written.streams[0].events[0].clone();
    store.append(written).await;
    let read = store.log.event_at(1).await.unwrap().unwrap();
    assert_eq!(read.data.get(), payload);
    assert_eq!((read.position, read.id, read.aggregate_id, read.sequence), (1, new.id, a.id, 1));
    assert_eq!((read.aggregate_type.as_str(), read.event_type.as_str()), ("task", "task.noted"));
    assert_eq!(serde_json::to_string(&read.metadata).unwrap(), *new.metadata);
    assert!(store.log.event_at(2).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_are_bounded_in_events_and_bytes() {
    let store = Store::new().await;
    let large = format!("\"{}\"", "x".repeat(1_000));
    let mut written = one(task(), 0);
    written.streams[0].events = vec![event("1"), event(&large), event(&large), event("1")];
    store.append(written).await;
    let read = async |after, limit, bytes| {
        let events = store.log.read_after(after, limit, bytes).await.unwrap();
        events.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 10, 1 << 20).await, [1, 2, 3, 4]);
    assert_eq!(read(1, 2, 1 << 20).await, [2, 3]);
    assert_eq!(read(1, 10, 1).await, [2], "one at least");
    assert_eq!(read(0, 10, 1_000).await, [1, 2]);
    assert_eq!(read(4, 10, 1 << 20).await, [0_i64; 0]);
}

#[tokio::test]
async fn an_aggregate_is_read_in_both_directions() {
    let store = Store::new().await;
    let a = task();
    store.append(unit(vec![stream(task(), 0, 2), stream(a, 0, 5)])).await;
    let forward = store.log.read_aggregate("task", a.id, 2, 2).await.unwrap();
    assert_eq!(forward.iter().map(|event| event.sequence).collect::<Vec<_>>(), [3, 4]);
    let back = store.log.read_aggregate_back("task", a.id, 5, 3).await.unwrap();
    assert_eq!(back.iter().map(|event| event.sequence).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(store.log.read_aggregate("user", a.id, 0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn events_are_read_by_type() {
    let store = Store::new().await;
    let types = ["a", "b", "a", "c", "b", "a"];
    let mut written = unit(vec![stream(task(), 0, types.len())]);
    for (event, event_type) in written.streams[0].events.iter_mut().zip(types) {
        event.event_type = event_type.into();
    }
    store.append(written).await;
    let read = async |after, types: &[&str], limit| {
        let events = store.log.read_types(after, types, limit).await.unwrap();
        events.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!(read(0, &["a", "b"], 10).await, [1, 2, 3, 5, 6]);
    assert_eq!(read(1, &["b", "a", "b"], 3).await, [2, 3, 5]);
    assert_eq!(read(0, &["z"], 10).await, [0_i64; 0]);
}

#[tokio::test]
async fn an_intent_is_found_by_its_index() {
    let store = Store::new().await;
    let (intent, other) = (Uuid::now_v7(), Uuid::now_v7());
    let mut written = unit(vec![stream(task(), 0, 3)]);
    for event in written.streams[0].events.iter_mut().step_by(2) {
        // A text that looks like the name and the value of another intent comes first.
        let decoy = format!(r#""node":"\"correlation_id\":\"{other}\"","correlation_id":"{intent}""#);
        let own = format!(r#""correlation_id":"{}""#, event.id.0);
        event.metadata = event.metadata.replace(&own, &decoy).into();
    }
    store.append(written).await;
    let read = async |intent, after| {
        let events = store.log.read_correlation(intent, after, 10).await.unwrap();
        events.iter().map(|event| event.position).collect::<Vec<_>>()
    };
    assert_eq!((read(intent, 0).await, read(intent, 1).await), (vec![1, 3], vec![3]));
    assert!(read(other, 0).await.is_empty());
    let mut positions = store.log.positions_of_intents(&[intent, other]).await.unwrap();
    positions.sort_unstable();
    assert_eq!(positions, [(intent, 1), (intent, 3)]);

    for role in [Role::Command, Role::Projections, Role::Read] {
        let mut transaction = store::pool(store.url(), role).begin().await.unwrap();
        sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *transaction).await.unwrap();
        let sql = "EXPLAIN SELECT position FROM event_store.events WHERE event_store.correlation_id(metadata) = 'x'";
        let plan: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *transaction).await.unwrap();
        assert!(plan.join(" ").contains("events_by_correlation"), "{role:?}: {plan:?}");
    }
}

#[tokio::test]
async fn a_time_is_found_among_the_positions() {
    let store = Store::new().await;
    assert_eq!(store.log.position_at(time("2030-01-01T00:00:00Z")).await.unwrap(), 0);
    store.append(unit(vec![stream(task(), 0, 100)])).await;
    // One event a minute, but three at a time.
    let spread = "UPDATE event_store.events SET recorded_at = \
         '2026-01-01T00:00:00Z'::timestamptz + (position / 3) * interval '1 minute'";
    sqlx::query(spread).execute(&mut store.owner().await).await.unwrap();
    for (moment, position) in [
        ("2025-12-31T23:59:59Z", 0),
        ("2026-01-01T00:00:00Z", 2),
        ("2026-01-01T00:00:59Z", 2),
        ("2026-01-01T00:01:00Z", 5),
        ("2026-01-01T00:32:59.999999Z", 98),
        ("2026-01-01T00:33:00Z", 100),
        ("2027-01-01T00:00:00Z", 100),
    ] {
        assert_eq!(store.log.position_at(time(moment)).await.unwrap(), position, "{moment}");
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn recorded_times_never_fall_even_if_the_clock_does() {
    let store = Store::new().await;
    store.append(one(task(), 0)).await;
    let ahead = "UPDATE event_store.events SET recorded_at = recorded_at + interval '1 hour'";
    sqlx::query(ahead).execute(&mut store.owner().await).await.unwrap();
    store.append(one(task(), 0)).await;
    let events = store.log.read_after(0, 10, 1 << 20).await.unwrap();
    assert_eq!(events[0].recorded_at, events[1].recorded_at);
}

#[tokio::test]
async fn a_damaged_event_is_named_by_its_position() {
    let store = Store::new().await;
    store.append(unit(vec![stream(task(), 0, 2)])).await;
    let damage = "UPDATE event_store.events SET metadata = '{}' WHERE position = 2";
    sqlx::query(damage).execute(&mut store.owner().await).await.unwrap();
    let error = store.log.read_after(0, 10, 1 << 20).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { position: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn the_epoch_stays_until_it_is_renewed() {
    let store = Store::new().await;
    let before = store.log.epoch().await.unwrap();
    event_store::migrate(store.url()).await.unwrap();
    assert_eq!(store.log.epoch().await.unwrap(), before);
    let renewed = event_store::renew_epoch(store.url()).await.unwrap();
    assert_ne!(renewed, before);
    assert_eq!(store.log.epoch().await.unwrap(), renewed);
}

#[tokio::test]
async fn task_keys_are_handed_out_once_by_any_number_of_processes() {
    let store = Store::new().await;
    let processes = [TaskKeys::new(store.pool().clone()), TaskKeys::new(store.pool().clone())];
    let mut keys = Vec::new();
    for number in 0..250 {
        keys.push(processes[number % 2].next().await.unwrap());
    }
    assert_eq!(keys[0].to_string(), "T-1");
    assert_eq!(keys[1].to_string(), "T-101");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 250);
    let unknown = store.log.find_claim("task.external_ref", &Uuid::now_v7().to_string()).await.unwrap();
    assert_eq!(unknown, None);
}

/// D1: a plan cached while the log was empty must not turn into a sequential scan for good.
#[tokio::test]
async fn plans_made_on_an_empty_log_never_scan_it() {
    let store = Store::new().await;
    let mut owner = store.owner().await;
    let before = scans(&mut owner).await;
    use_everything(&store, 10).await;
    for _ in 0..20 {
        store.append(unit(vec![stream(task(), 0, 500)])).await;
    }
    use_everything(&store, 10).await;
    store.shutdown.cancel();
    store.appender.stopped().await;
    while store.pool().size() > 0 {
        store.pool().close().await; // sqlx may leave a connection that comes back while it closes
    }
    while others(&mut owner).await > 0 {
        tokio::task::yield_now().await; // statistics are complete when the connections have ended
    }
    assert_eq!(scans(&mut owner).await, before);
}

/// Often enough for Postgres to keep a plan.
async fn use_everything(store: &Store, times: usize) {
    let log = &store.log;
    for number in 0..times {
        let owner = Uuid::now_v7();
        let mut written = answered(one(task(), 0), &owner.to_string());
        written.streams[0].snapshot = Some(Snapshot { shape: 1, state: "{}".into() });
        store.append(claiming(written, &owner.to_string(), owner, ClaimAction::Take)).await;
        let last = log.head().await.unwrap();
        log.epoch().await.unwrap();
        log.read_after(last - 1, 10, 1 << 20).await.unwrap();
        log.read_aggregate("task", owner, 0, 10).await.unwrap();
        log.read_aggregate_back("task", owner, 10, 10).await.unwrap();
        log.read_types(last - 1, &["task.noted", "task.created"], 10).await.unwrap();
        log.event_at(last).await.unwrap();
        log.position_at(time("2026-01-01T00:00:00Z")).await.unwrap();
        log.find_receipt("user:1", &number.to_string(), Class::Day).await.unwrap();
        log.find_receipt("user:1", &number.to_string(), Class::Quarter).await.unwrap();
        log.find_claim("test", &number.to_string()).await.unwrap();
        load::<Task>(log, owner).await.unwrap();
    }
}

async fn scans(owner: &mut PgConnection) -> i64 {
    const SQL: &str =
        "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'event_store'";
    sqlx::query_scalar(SQL).fetch_one(owner).await.unwrap()
}

async fn others(owner: &mut PgConnection) -> i64 {
    const SQL: &str = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    sqlx::query_scalar(SQL).fetch_one(owner).await.unwrap()
}
