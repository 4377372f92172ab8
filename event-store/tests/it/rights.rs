//! What the services' roles may not do to the log.

use event_store::{Role, Unit};
use sqlx::PgPool;

use crate::store::{self, Store, one, task};

async fn refused(pool: &PgPool, sql: &str) {
    let error = sqlx::query(sql).execute(pool).await.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("42501"), "{sql}: {error}");
}

#[tokio::test]
async fn nobody_changes_the_log_but_through_the_append() {
    let store = Store::new().await;
    store.append(one(task(), 0)).await;
    for role in [Role::Command, Role::Projections, Role::Read] {
        let pool = store::pool(store.url(), role);
        for table in ["events", "snapshots", "unique_claims", "command_receipts", "receipts_day", "log_head"]
        {
            let first = if table == "log_head" { "epoch = epoch" } else { "ctid = ctid" };
            refused(&pool, &format!("INSERT INTO event_store.{table} DEFAULT VALUES")).await;
            refused(&pool, &format!("DELETE FROM event_store.{table}")).await;
            refused(&pool, &format!("TRUNCATE event_store.{table}")).await;
            if table == "log_head" {
                refused(&pool, &format!("UPDATE event_store.{table} SET {first}")).await;
            }
        }
        refused(&pool, "UPDATE event_store.events SET payload = '{}'").await;
        refused(&pool, "UPDATE event_store.command_receipts SET status = 500").await;
        refused(&pool, "UPDATE event_store.unique_claims SET owner = gen_random_uuid()").await;
        refused(&pool, "UPDATE event_store.snapshots SET shape = 0").await;
        refused(&pool, "ALTER TABLE event_store.events DISABLE TRIGGER ALL").await;
        // The one way in is `append`; what it hands unusual batches to is its own.
        refused(&pool, &format!("SELECT event_store.append_each(0, {})", vec!["'{}'"; 40].join(", "))).await;
        refused(&pool, "CREATE TABLE event_store.mine ()").await;
    }
}

#[tokio::test]
async fn readers_cannot_append() {
    let store = Store::new().await;
    for role in [Role::Projections, Role::Read] {
        let mut config = store::config(store.url());
        config.connect = event_store::connect_options(store.url(), role).unwrap();
        config.deadline = std::time::Duration::from_millis(200);
        let appender = event_store::Appender::spawn(config, Default::default());
        assert!(appender.append(Unit::default()).await.is_err());
        let pool = store::pool(store.url(), role);
        refused(&pool, "SELECT * FROM event_store.command_receipts").await;
        refused(&pool, "SELECT * FROM event_store.unique_claims").await;
        for table in ["sessions", "credentials", "signing_keys"] {
            refused(&pool, &format!("SELECT * FROM event_store.{table}")).await;
        }
        refused(&pool, "SELECT event_store.maintain_receipts()").await;
        refused(&pool, "SELECT event_store.keep_audit('[]')").await;
        refused(&pool, "SELECT event_store.keep_seal('', 1, 1, 1, '', '')").await;
        refused(&pool, "INSERT INTO event_store.audit_log DEFAULT VALUES").await;
        refused(&pool, "INSERT INTO event_store.subject_keys (subject) VALUES (gen_random_uuid())").await;
    }
}

#[tokio::test]
async fn readers_recognise_api_keys_and_know_nothing_else_of_who_comes_in() {
    let store = Store::new().await;
    for role in [Role::Projections, Role::Read] {
        let pool = store::pool(store.url(), role);
        for table in ["api_keys", "totp_secrets", "recovery_codes", "half_logins", "second_step_tries"] {
            refused(&pool, &format!("SELECT * FROM event_store.{table}")).await;
            refused(&pool, &format!("DELETE FROM event_store.{table}")).await;
        }
    }
    let (reader, projector) =
        (store::pool(store.url(), Role::Read), store::pool(store.url(), Role::Projections));
    let use_of = "SELECT event_store.note_api_key_use(gen_random_uuid())";
    for sql in ["SELECT * FROM event_store.api_key('\\x00')", use_of] {
        sqlx::query(sql).execute(&reader).await.unwrap();
        refused(&projector, sql).await;
    }
}

#[tokio::test]
async fn an_append_on_an_old_snapshot_is_refused() {
    let store = Store::new().await;
    let mut owner = store.owner().await;
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ").execute(&mut owner).await.unwrap();
    let empty = vec!["'{}'"; 40].join(", ");
    let error = sqlx::query(&format!("SELECT event_store.append(0, {empty})")).execute(&mut owner).await;
    assert!(error.unwrap_err().to_string().contains("READ COMMITTED"));
}

#[tokio::test]
async fn those_who_verify_tokens_learn_what_was_revoked() {
    let store = Store::new().await;
    const SQL: &str =
        "SELECT count(*) FROM event_store.revoked(ARRAY['user.deactivated'], interval '1 minute')";
    for role in [Role::Command, Role::Read] {
        let revoked: i64 = sqlx::query_scalar(SQL).fetch_one(&store::pool(store.url(), role)).await.unwrap();
        assert_eq!(revoked, 0);
    }
    refused(&store::pool(store.url(), Role::Projections), SQL).await;
}

/// The query side may say what it refused, or showed to somebody it knew, and can neither say anything else nor change what was said.
#[tokio::test]
async fn readers_keep_what_they_refused_or_showed_and_nothing_else() {
    let store = Store::new().await;
    let pool = store::pool(store.url(), Role::Read);
    let row = |id: u128, method: &str, outcome: &str, kind: &str| {
        serde_json::json!({
            "id": uuid::Uuid::from_u128(id), "occurred_at": "2026-11-21T12:00:00Z", "action": "tasks.get_task",
            "outcome": outcome, "status": 403, "actor_type": kind, "request_id": uuid::Uuid::nil(),
            "correlation_id": uuid::Uuid::nil(), "trace_id": "", "method": method, "route": "/v1/tasks", "count": id,
        })
    };
    let posted = |id: u128, outcome: &str| {
        let mut row = row(id, "POST", outcome, "user");
        row["action"] = "events.consume".into();
        row
    };
    let rows = serde_json::json!([
        row(1, "GET", "denied", "user"),
        row(2, "HEAD", "denied", "anonymous"),
        row(3, "POST", "denied", "user"),
        row(4, "GET", "success", "user"),
        row(5, "GET", "denied", "operator"),
        row(6, "GET", "success", "anonymous"),
        row(7, "POST", "success", "user"),
        row(8, "GET", "failure", "user"),
        posted(9, "denied"),
        posted(10, "success"),
    ]);
    for rows in [&rows, &serde_json::json!([row(1, "GET", "denied", "anonymous")]), &serde_json::json!([])] {
        let keep = sqlx::query("SELECT event_store.keep_refused_reads($1)").bind(rows);
        keep.execute(&pool).await.unwrap();
    }
    let mut owner = store.owner().await;
    let sql = "SELECT count, actor_type FROM event_store.audit_log ORDER BY id";
    let kept: Vec<(i32, String)> = sqlx::query_as(sql).fetch_all(&mut owner).await.unwrap();
    let expected = [(1, "user"), (2, "anonymous"), (4, "user"), (9, "user")];
    assert_eq!(kept, expected.map(|(count, kind)| (count, kind.to_owned())));
    let projector = store::pool(store.url(), Role::Projections);
    refused(&projector, "SELECT event_store.keep_refused_reads('[]')").await;
    refused(&projector, "DELETE FROM event_store.audit_log").await;
    refused(&store::pool(store.url(), Role::Command), "SELECT event_store.keep_refused_reads('[]')").await;
}
