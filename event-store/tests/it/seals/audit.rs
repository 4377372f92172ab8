//! The audit log is sealed like the events: its rows have dense positions too.

use std::time::Duration;

use event_store::{
    Role,
    seals::{Fault, Ledger},
};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::world::World;
use crate::store;

/// Keeps a batch of rows, as services do.
async fn keep(pool: &PgPool, ids: &[Uuid]) {
    let row = |id: &Uuid| {
        json!({
            "id": id, "occurred_at": "2026-11-21T12:00:00Z", "action": "auth.login", "outcome": "denied", "status": 403,
            "actor_type": "user", "request_id": id, "correlation_id": id, "trace_id": "", "method": "GET",
            "route": "/v1/x", "count": 1, "ip": "s1.x.y",
        })
    };
    let rows: Vec<_> = ids.iter().map(row).collect();
    let kept =
        sqlx::query("SELECT event_store.keep_audit($1)").bind(serde_json::Value::from(rows)).execute(pool);
    kept.await.unwrap();
}

pub(super) async fn keep_some(pool: &PgPool, count: usize) {
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::now_v7()).collect();
    keep(pool, &ids).await;
    // Sent again because the answer was lost.
    keep(pool, &ids).await;
}

#[tokio::test]
async fn rows_get_dense_positions_whoever_adds_them() {
    let world = World::new().await;
    let pool = world.store.pool();
    let writer = async || {
        for count in 1..12 {
            keep_some(pool, count).await;
        }
    };
    tokio::join!(writer(), writer(), writer());
    let count = 3 * 66;
    let sql = "SELECT count(*), max(position), \
         bool_and(recorded_at >= earlier) FROM (SELECT position, recorded_at, lag(recorded_at, 1, '-infinity') \
         OVER (ORDER BY position) AS earlier FROM event_store.audit_log) AS kept";
    let found: (i64, i64, bool) = sqlx::query_as(sql).fetch_one(pool).await.unwrap();
    assert_eq!(found, (count, count, true));
    let taken = "INSERT INTO event_store.audit_log (id, position, occurred_at, action, outcome, actor_type, request_id, correlation_id) \
         VALUES (gen_random_uuid(), 7000, now(), 'x', 'denied', 'system', gen_random_uuid(), gen_random_uuid()) RETURNING position";
    let owner = world.owner().await;
    assert_eq!(sqlx::query_scalar::<_, i64>(taken).fetch_one(&owner).await.unwrap(), count + 1);
    let mut old = owner.acquire().await.unwrap();
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut *old).await.unwrap();
    let refused = sqlx::query(taken).execute(&mut *old).await.unwrap_err();
    assert!(refused.to_string().contains("READ COMMITTED"), "{refused}");
}

#[tokio::test]
async fn any_change_of_any_row_is_found_and_named() {
    let world = World::new().await;
    keep_some(world.store.pool(), 20).await;
    world.seal(Ledger::Audit, &world.sealing(Duration::ZERO)).await;
    let owner = world.owner().await;
    let read = async || {
        let found = world.verify(Ledger::Audit).await;
        (found.finding.map(|found| (found.position, found.fault)), found.seals, found.unsealed)
    };
    assert_eq!(read().await, (None, 3, 0));
    // What comes later: more rows, and a column of which they know nothing.
    sqlx::raw_sql("ALTER TABLE event_store.audit_log ADD COLUMN later text").execute(&owner).await.unwrap();
    keep_some(world.store.pool(), 2).await;
    assert_eq!(read().await, (None, 3, 2));
    let harms = [
        ("UPDATE event_store.audit_log SET ip = NULL WHERE position = 5", Fault::Changed),
        ("UPDATE event_store.audit_log SET ip = 's1.x.z' WHERE position = 5", Fault::Changed),
        ("UPDATE event_store.audit_log SET outcome = 'success' WHERE position = 5", Fault::Changed),
        ("UPDATE event_store.audit_log SET count = 2 WHERE position = 5", Fault::Changed),
        ("UPDATE event_store.audit_log SET later = '' WHERE position = 5", Fault::Changed),
        ("DELETE FROM event_store.audit_log WHERE position = 5", Fault::Missing),
    ];
    let save = "CREATE TABLE public.saved AS TABLE event_store.audit_log";
    sqlx::raw_sql(save).execute(&owner).await.unwrap();
    for (harm, fault) in harms {
        sqlx::raw_sql(harm).execute(&owner).await.unwrap();
        assert_eq!(read().await.0, Some((5, fault)), "{harm}");
        let undo = "ALTER TABLE event_store.audit_log DISABLE TRIGGER place; DELETE FROM event_store.audit_log; \
             INSERT INTO event_store.audit_log TABLE public.saved; ALTER TABLE event_store.audit_log ENABLE TRIGGER place";
        sqlx::raw_sql(undo).execute(&owner).await.unwrap();
    }
    assert_eq!(read().await, (None, 3, 2));
    assert_eq!(world.verify(Ledger::Events).await.head, 0, "the events are another sequence");
}

#[tokio::test]
async fn services_may_add_what_follows_and_change_nothing() {
    let world = World::sealed(16).await;
    keep_some(world.store.pool(), 1).await;
    for role in [Role::Command, Role::Projections, Role::Read] {
        let pool = store::pool(world.store.url(), role);
        for sql in [
            "UPDATE event_store.seals SET line = line",
            "DELETE FROM event_store.seals",
            "INSERT INTO event_store.seals DEFAULT VALUES",
            "TRUNCATE event_store.seals",
            "UPDATE event_store.audit_log SET count = 1",
            "DELETE FROM event_store.audit_log",
        ] {
            let error = sqlx::query(sql).execute(&pool).await.unwrap_err();
            assert_eq!(
                error.as_database_error().unwrap().code().as_deref(),
                Some("42501"),
                "{role:?}: {sql}"
            );
        }
    }
    let keep = |first: i64, number: i64| {
        format!(
            "SELECT event_store.keep_seal('events', {number}, {first}, {first}, 'x', decode(repeat('00', 32), 'hex'))"
        )
    };
    let reader = store::pool(world.store.url(), Role::Read);
    assert!(sqlx::query(&keep(17, 3)).execute(&reader).await.is_err());
    for (first, number, kept) in
        [(1, 1, false), (16, 3, false), (18, 3, false), (17, 4, false), (17, 3, true), (17, 3, false)]
    {
        let answer: bool =
            sqlx::query_scalar(&keep(first, number)).fetch_one(world.store.pool()).await.unwrap();
        assert_eq!(answer, kept, "{number} from {first}");
    }
}
