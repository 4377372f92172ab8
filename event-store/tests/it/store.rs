//! A log of one's own for a test, and short ways to say what is appended.

use std::{str::FromStr, sync::Arc, time::Duration};

use domain::ids::EventId;
use event_store::{
    AggregateRef, AppendError, Appender, AppenderConfig, Claim, ClaimAction, Class, Guard, Log, NewEvent,
    Outcome, Receipt, Role, StreamAppend, Unit,
};
use servers::testing::{self, Template, TestDatabase};
use sqlx::{
    ConnectOptions, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Nothing in these tests takes this long; it only bounds a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn template() -> Template {
    Template::new("event_store", |url: String| async move { event_store::migrate(&url).await })
}

/// An empty log; dropped with the value.
pub(crate) struct Store {
    database: TestDatabase,
    pub(crate) log: Log,
    pub(crate) appender: Appender,
    pub(crate) shutdown: CancellationToken,
}

impl Store {
    pub(crate) async fn new() -> Self {
        Self::configured(|_| {}).await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut AppenderConfig)) -> Self {
        let database = testing::database(&template()).await;
        let mut config = config(database.url());
        change(&mut config);
        let shutdown = CancellationToken::new();
        Self {
            log: Log::connect(pool(database.url(), Role::Command)),
            appender: Appender::spawn(config, shutdown.clone()),
            shutdown,
            database,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.database.url()
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.log.pool()
    }

    /// A connection with all rights.
    pub(crate) async fn owner(&self) -> PgConnection {
        owner(self.url()).await
    }

    pub(crate) async fn append(&self, unit: Unit) -> Outcome {
        self.appender.append(unit).await.expect("answered")
    }

    /// Queues the units in this order and waits for all answers; all but the first share a batch.
    pub(crate) async fn append_all(&self, units: Vec<Unit>) -> Vec<Result<Outcome, AppendError>> {
        futures_util::future::join_all(units.into_iter().map(|unit| self.appender.append(unit))).await
    }

    /// Positions and sequences of everything in the log.
    pub(crate) async fn everything(&self) -> Vec<(i64, Uuid, i64)> {
        let events = self.log.read_after(0, 1_000_000, i64::MAX).await.expect("readable");
        events.iter().map(|event| (event.position, event.aggregate_id, event.sequence)).collect()
    }
}

/// Patient: a test that wants an append to be given up says so.
pub(crate) fn config(url: &str) -> AppenderConfig {
    let connect = event_store::connect_options(url, Role::Command).expect("a URL");
    AppenderConfig { deadline: PATIENCE, ..AppenderConfig::new(connect) }
}

pub(crate) fn pool(url: &str, role: Role) -> PgPool {
    let options = event_store::connect_options(url, role).expect("a URL");
    PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_lazy_with(options)
}

pub(crate) async fn owner(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).expect("a URL").connect().await.expect("a connection")
}

pub(crate) fn task() -> AggregateRef {
    AggregateRef { kind: "task", id: Uuid::now_v7() }
}

pub(crate) fn event(payload: &str) -> NewEvent {
    let id = Uuid::now_v7();
    NewEvent {
        id: EventId(id),
        event_type: "task.noted".into(),
        event_version: "1".into(),
        payload: payload.into(),
        metadata: metadata(id),
    }
}

fn metadata(id: Uuid) -> Arc<str> {
    Arc::from(format!(
        r#"{{"actor_type":"system","request_id":"{id}","correlation_id":"{id}","transport":"system","occurred_at":"2026-01-01T00:00:00.000000Z"}}"#
    ))
}

/// `count` events after `expected`.
pub(crate) fn stream(aggregate: AggregateRef, expected: i64, count: usize) -> StreamAppend {
    let events = (0..count).map(|number| event(&format!(r#"{{"n":{number}}}"#))).collect();
    StreamAppend { aggregate, expected, events, snapshot: None }
}

pub(crate) fn unit(streams: Vec<StreamAppend>) -> Unit {
    Unit { id: Uuid::now_v7(), streams, ..Unit::default() }
}

/// One event for one aggregate.
pub(crate) fn one(aggregate: AggregateRef, expected: i64) -> Unit {
    unit(vec![stream(aggregate, expected, 1)])
}

pub(crate) fn guarded(mut unit: Unit, aggregate: AggregateRef, sequence: i64) -> Unit {
    unit.guards.push(Guard { aggregate, sequence });
    unit
}

pub(crate) fn claiming(mut unit: Unit, value: &str, owner: Uuid, action: ClaimAction) -> Unit {
    unit.claims.push(Claim { scope: "test".into(), value: value.into(), owner, action });
    unit
}

pub(crate) fn answered(mut unit: Unit, key: &str) -> Unit {
    unit.receipt = Some(receipt(key, Class::Day));
    unit
}

pub(crate) fn receipt(key: &str, class: Class) -> Receipt {
    Receipt {
        principal: "user:1".into(),
        key: key.into(),
        class,
        fingerprint: [7; 32],
        status: 201,
        body: r#"{"ä":"\u0000"}"#.into(),
        etag: Some("\"1\"".into()),
        location: None,
    }
}

pub(crate) fn appended(position: i64) -> Outcome {
    Outcome::Appended { position }
}
