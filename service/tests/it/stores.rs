//! Pools against a real Postgres, and the client of a real NATS.

use servers::testing::{self, Template, TestDatabase};
use service::{
    config::{DatabaseUrl, NatsUrl},
    metrics::Metrics,
    nats,
    postgres::{PoolOptions, pool},
};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Row, pool::PoolConnection};

use crate::server::PATIENCE;

async fn database() -> TestDatabase {
    testing::database(&Template::empty()).await
}

fn connect(database: &TestDatabase, options: PoolOptions) -> PgPool {
    pool(&database.url().parse::<DatabaseUrl>().unwrap(), options).unwrap()
}

/// A session of the pool, which itself does not wait long for one: on a slow machine it is asked again.
async fn session(pool: &PgPool) -> PoolConnection<Postgres> {
    let session = async {
        loop {
            match pool.acquire().await {
                Err(sqlx::Error::PoolTimedOut) => {}
                acquired => return acquired.unwrap(),
            }
        }
    };
    tokio::time::timeout(PATIENCE, session).await.unwrap()
}

async fn text(pool: &PgPool, query: &str) -> String {
    sqlx::query_scalar(query).fetch_one(&mut *session(pool).await).await.unwrap()
}

#[tokio::test]
async fn sessions_begin_with_role_path_and_timeouts() {
    let database = database().await;
    let mut owner = PgConnection::connect(database.url()).await.unwrap();
    let role = format!("reader_{}", uuid::Uuid::now_v7().simple());
    let setup =
        format!("CREATE ROLE {role} NOLOGIN; CREATE SCHEMA deep; GRANT USAGE ON SCHEMA deep TO {role}");
    sqlx::raw_sql(&setup).execute(&mut owner).await.unwrap();
    let pool = connect(
        &database,
        PoolOptions {
            role: Some(role.clone()),
            search_path: Some("deep, public".to_owned()),
            seqscan: false,
            ..PoolOptions::new("service-test")
        },
    );
    assert_eq!(text(&pool, "SELECT current_user::text").await, role);
    assert_eq!(text(&pool, "SELECT current_schema()::text").await, "deep");
    for (setting, value) in [
        ("application_name", "service-test"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("enable_seqscan", "off"),
    ] {
        assert_eq!(text(&pool, &format!("SHOW {setting}")).await, value, "{setting}");
    }
    assert!(sqlx::query("CREATE TABLE deep.x ()").execute(&mut *session(&pool).await).await.is_err());
    pool.close().await;
    let drop = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(&drop).execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn read_only_pools_cannot_write() {
    let database = database().await;
    let pool = connect(&database, PoolOptions { read_only: true, ..PoolOptions::new("reader") });
    let refused = sqlx::query("CREATE TABLE x ()").execute(&mut *session(&pool).await).await.unwrap_err();
    let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("25006"));
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_transaction_in_the_pool() {
    let database = database().await;
    let pool = connect(&database, PoolOptions { max_connections: 1, ..PoolOptions::new("writer") });
    sqlx::query("CREATE TABLE t (n int)").execute(&mut *session(&pool).await).await.unwrap();
    for polls in (1..8).cycle().take(200) {
        cancel_after(polls, pool.begin()).await;
        let mut next = session(&pool).await;
        let idle = sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(&mut *next).await.unwrap();
        assert!(idle.get::<bool, _>(0), "cancelled after {polls} polls");
    }
    sqlx::query("INSERT INTO t VALUES (1)").execute(&mut *session(&pool).await).await.unwrap();
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut other).await.unwrap();
    assert_eq!(seen, 1);
}

/// Polls the future so many times, each time when it is woken, then drops it.
async fn cancel_after<F: Future>(polls: usize, future: F) {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        left -= 1;
        if future.as_mut().poll(cx).is_ready() || left == 0 {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn idle_sessions_are_kept_and_busy_ones_closed() {
    let database = database().await;
    let pool = connect(&database, PoolOptions { max_connections: 1, ..PoolOptions::new("writer") });
    let process = async || text(&pool, "SELECT pg_backend_pid()::text").await;
    let first = process().await;
    assert_eq!(process().await, first);
    sqlx::Executor::execute(&mut *session(&pool).await, "BEGIN").await.unwrap();
    assert_ne!(process().await, first);
}

#[tokio::test]
async fn an_exhausted_pool_says_so_in_time() {
    let database = database().await;
    let pool = connect(&database, PoolOptions { max_connections: 1, ..PoolOptions::new("small") });
    let held = session(&pool).await;
    let refused = tokio::time::timeout(PATIENCE, pool.acquire()).await.unwrap();
    assert!(matches!(refused, Err(sqlx::Error::PoolTimedOut)));
    drop(held);
}

#[tokio::test]
async fn nats_connects_when_the_server_comes_and_again_after_it_was_gone() {
    let mut server = testing::own_nats().await;
    let url: NatsUrl = server.url().parse().unwrap();
    server.stop().await;
    let metrics = Metrics::default();
    let client = nats::connect(&url, "service-test", &metrics).await.unwrap();
    for _ in 0..2 {
        server.start().await;
        flushed(&client).await;
        server.kill().await;
    }
    let text = metrics.encode();
    assert!(text.contains("taskledger_nats_events_total{event=\"connected\"}"), "{text}");
    assert!(text.contains("taskledger_nats_events_total{event=\"disconnected\"}"), "{text}");
}

async fn flushed(client: &async_nats::Client) {
    let connected = async {
        while client.connection_state() != async_nats::connection::State::Connected
            || client.flush().await.is_err()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
}
