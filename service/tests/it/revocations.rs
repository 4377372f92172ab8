//! The set of what was revoked, kept true from a real Postgres and a real NATS.

use std::time::Duration;

use futures_util::StreamExt;
use servers::testing::{self, Template, TestDatabase};
use service::{
    auth::{MAX_SILENCE, Revocations, Revoked, TokenError, Truth, testing::principal},
    config::NatsUrl,
    process::Surroundings,
};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::server::{PATIENCE, Still};

/// What the event store has, in short.
const TRUTH: &str = "CREATE SCHEMA event_store;
    CREATE TABLE event_store.ended (session uuid);
    CREATE FUNCTION event_store.revoked(text[], interval)
        RETURNS TABLE (kind text, id text, epoch bigint, age double precision) LANGUAGE sql AS
        $$ SELECT 'session', session::text, NULL::bigint, 0::double precision FROM event_store.ended $$";

struct World {
    database: TestDatabase,
    connection: PgConnection,
    surroundings: Surroundings,
}

impl World {
    async fn new() -> Self {
        let database = testing::database(&Template::empty()).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        connection.execute(TRUTH).await.unwrap();
        Self { database, connection, surroundings: Surroundings::default() }
    }

    async fn follow(&self) -> Revocations {
        let truth =
            Truth { event_store: self.database.url().parse().unwrap(), epoch_events: &["user.deactivated"] };
        let revocations = self.surroundings.revocations.clone();
        revocations.follow(truth, &self.surroundings).await;
        revocations
    }

    async fn end_session(&mut self, session: Uuid) {
        let insert = sqlx::query("INSERT INTO event_store.ended VALUES ($1)").bind(session);
        insert.execute(&mut self.connection).await.unwrap();
    }

    async fn readiness(&self) -> Result<(), String> {
        let checks = self.surroundings.health.run().await;
        checks.into_iter().find(|(name, _)| *name == "revocations").unwrap().1
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.surroundings.shutdown.begin();
    }
}

/// Looks again and again, in real time.
async fn until(mut reached: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !reached() {
        assert!(std::time::Instant::now() < deadline, "it does not come");
        tokio::task::yield_now().await;
    }
}

/// From now on time passes only where a test says so.
fn stop_the_clock() -> Still {
    let still = Still::stand();
    tokio::time::pause();
    still
}

/// Connected.
async fn nats(url: &str) -> async_nats::Client {
    let url: NatsUrl = url.parse().unwrap();
    let client = service::nats::connect(&url, "test", &Default::default()).await.unwrap();
    client.flush().await.unwrap();
    client
}

#[tokio::test]
async fn what_was_revoked_before_the_start_is_known_at_once() {
    let mut world = World::new().await;
    let (ann, bob) = (principal(0), principal(0));
    world.end_session(ann.session_id).await;
    let revocations = world.follow().await;
    assert!(matches!(revocations.check(&ann), Err(TokenError::Invalid(_))));
    assert_eq!((revocations.check(&bob), world.readiness().await), (Ok(()), Ok(())));
}

/// Time stands still, so the poll does not come.
#[tokio::test]
async fn a_hint_makes_the_poll_come_at_once() {
    let mut world = World::new().await;
    let server = testing::nats().await;
    let revocations = world.follow().await;
    revocations.exchange_hints(nats(server.url()).await, &world.surroundings);
    let other = nats(server.url()).await;
    let (ann, still) = (principal(0), stop_the_clock());
    still.pass(Duration::from_millis(20)).await;
    world.end_session(ann.session_id).await;
    assert_eq!(revocations.check(&ann), Ok(()));
    let deadline = std::time::Instant::now() + PATIENCE;
    while revocations.check(&ann).is_ok() {
        assert!(std::time::Instant::now() < deadline, "no hint is heard");
        other.publish("security.revoked", "whatever".into()).await.unwrap();
        other.flush().await.unwrap();
    }
}

#[tokio::test]
async fn others_are_told_of_what_is_revoked_here() {
    let world = World::new().await;
    let server = testing::nats().await;
    let other = nats(server.url()).await;
    let mut hints = other.subscribe("security.revoked").await.unwrap();
    other.flush().await.unwrap();
    let revocations = world.follow().await;
    revocations.exchange_hints(nats(server.url()).await, &world.surroundings);
    revocations.announce([Revoked::Session(Uuid::now_v7())]);
    let hint = tokio::time::timeout(PATIENCE, hints.next()).await.unwrap().unwrap();
    assert!(hint.payload.is_empty());
}

#[tokio::test]
async fn without_nats_the_poll_finds_it_within_a_second() {
    let mut world = World::new().await;
    let revocations = world.follow().await;
    let (ann, still) = (principal(0), stop_the_clock());
    world.end_session(ann.session_id).await;
    assert_eq!(revocations.check(&ann), Ok(()));
    still.pass(Duration::from_millis(20)).await;
    world.connection.execute("SELECT").await.unwrap();
    still.pass(Duration::from_secs(1)).await;
    until(|| revocations.check(&ann).is_err()).await;
}

#[tokio::test]
async fn nobody_is_let_in_while_the_truth_cannot_be_read() {
    let mut world = World::new().await;
    let revocations = world.follow().await;
    let (ann, still) = (principal(0), stop_the_clock());
    world.connection.execute("ALTER SCHEMA event_store RENAME TO away").await.unwrap();
    let mut passed = Duration::ZERO;
    while revocations.check(&ann).is_ok() {
        assert!(passed <= MAX_SILENCE + Duration::from_secs(2), "it is believed for ever");
        still.pass(Duration::from_millis(500)).await;
        passed += Duration::from_millis(500);
    }
    assert!(passed >= MAX_SILENCE - Duration::from_secs(2), "{passed:?}");
    assert_eq!(revocations.check(&ann), Err(TokenError::RevocationsUnknown));
    assert!(world.readiness().await.is_err());
    world.connection.execute("ALTER SCHEMA away RENAME TO event_store").await.unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while revocations.check(&ann).is_err() {
        assert!(std::time::Instant::now() < deadline, "it does not come back");
        still.pass(Duration::from_secs(1)).await;
        // An answer comes in real time, however quickly the other one passes.
        world.connection.execute("SELECT pg_sleep(0.2)").await.unwrap();
    }
    assert_eq!(world.readiness().await, Ok(()));
}
