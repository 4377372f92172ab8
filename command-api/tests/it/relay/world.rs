//! A log, a JetStream and relays between them.

use std::time::Duration;

use async_nats::jetstream::{self, Context};
use command_api::relay::{Relay, RelayConfig, RelayStatus};
use event_store::{
    Log, Role, connect_options,
    envelope::Envelope,
    follow::{Checkpoint, Follower},
    stream,
};
use servers::testing::{self, Template, TestDatabase, TestNats};
use service::{metrics::Metrics, nats};
use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// As the append does it: under the lock of the log, with one notification.
const APPEND: &str = r#"
    WITH head AS (SELECT coalesce(max(position), 0) AS position FROM event_store.events),
    written AS (
        INSERT INTO event_store.events
        SELECT head.position + n, head.position + n, clock_timestamp(), gen_random_uuid(), 'task', id, 'task.assigned',
               '1', json_build_object('assignee', id, 'filler', repeat('x', $2)),
               json_build_object('actor_type', 'user', 'actor_id', id, 'request_id', id, 'correlation_id', id,
                                 'transport', 'http', 'occurred_at', '2026-11-21T05:00:00Z')
          FROM head, generate_series(1, $1::bigint) AS n, gen_random_uuid() AS id
        RETURNING position)
    SELECT max(position), pg_notify('event_store', '') FROM written"#;

pub(crate) fn template() -> Template {
    Template::new("event_store", |url| async move { event_store::migrate(&url).await })
}

pub(crate) struct World {
    pub(crate) owner: PgPool,
    pub(crate) command: PgPool,
    pub(crate) log: Log,
    pub(crate) context: Context,
    _database: Option<TestDatabase>,
    _nats: Option<TestNats>,
}

/// A relay that runs in the background.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<RelayStatus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// An empty log and a JetStream of its own.
    pub(crate) async fn new() -> Self {
        let nats = testing::nats().await;
        let world = Self::with(nats.url()).await;
        Self { _nats: Some(nats), ..world }
    }

    /// An empty log and this JetStream.
    pub(crate) async fn with(nats_url: &str) -> Self {
        let database = testing::database(&template()).await;
        let world = Self::on(database.url(), nats_url).await;
        Self { _database: Some(database), ..world }
    }

    /// This log and this JetStream.
    pub(crate) async fn on(database_url: &str, nats_url: &str) -> Self {
        let owner = pool(PgConnectOptions::from_url(&database_url.parse().unwrap()).unwrap()).await;
        let command = pool(connect_options(database_url, Role::Command).unwrap()).await;
        let log = Log::connect(command.clone());
        Self { owner, command, log, context: jetstream(nats_url).await, _database: None, _nats: None }
    }

    /// Appends so many events and returns the position of the last.
    pub(crate) async fn append(&self, count: i64) -> i64 {
        self.append_large(count, 10).await
    }

    /// Appends events with payloads of this size.
    pub(crate) async fn append_large(&self, count: i64, bytes: i32) -> i64 {
        let mut transaction = self.owner.begin().await.unwrap();
        sqlx::query("SELECT 1 FROM event_store.log_head FOR UPDATE")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let query = sqlx::query_scalar(APPEND).bind(count).bind(bytes);
        let position = query.fetch_one(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        position
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::query(sql).execute(&self.owner).await.unwrap();
    }

    pub(crate) fn relay(&self) -> Running {
        self.relay_with(RelayConfig { lease: Duration::from_millis(300), ..RelayConfig::default() })
    }

    /// A relay that nobody takes the lease from, however slow it is.
    pub(crate) fn unhurried_relay(&self) -> Running {
        self.relay_with(RelayConfig { lease: DEADLINE * 10, ..RelayConfig::default() })
    }

    pub(crate) fn relay_with(&self, config: RelayConfig) -> Running {
        let relay = Relay::new(self.command.clone(), self.context.clone(), config);
        let stop = CancellationToken::new();
        Running { status: relay.status(), task: tokio::spawn(relay.run(stop.clone())), stop }
    }

    pub(crate) fn follower(&self) -> Follower {
        Follower::new(self.log.clone(), self.context.clone(), Checkpoint::BEGINNING)
    }

    /// One more than how often the relay's lease has changed hands.
    pub(crate) async fn lease_epoch(&self) -> i64 {
        const SQL: &str = "SELECT coalesce(max(epoch), 0) FROM event_store.leases";
        sqlx::query_scalar(SQL).fetch_one(&self.owner).await.unwrap()
    }

    /// Position of the first message in the stream.
    pub(crate) async fn first(&self) -> i64 {
        let stream = self.context.get_stream(stream::NAME).await.unwrap();
        stream.cached_info().state.first_sequence.try_into().unwrap()
    }

    /// Every message from the stream's first to `last` stands at the sequence that is its position, with its id.
    pub(crate) async fn assert_copy(&self, first: i64, last: i64) {
        let handle = self.context.get_stream(stream::NAME).await.unwrap();
        let state = &handle.cached_info().state;
        assert_eq!(
            (state.first_sequence, state.last_sequence),
            (stream::sequence(first), stream::sequence(last))
        );
        let events = self.log.read_after(first - 1, last, i64::MAX).await.unwrap();
        assert_eq!(events.len(), usize::try_from(last - first + 1).unwrap());
        for event in events {
            let message = handle.direct_get(stream::sequence(event.position)).await.unwrap();
            let envelope = Envelope::decode(message.payload).unwrap();
            assert_eq!((envelope.position, envelope.id), (event.position, event.id));
            assert_eq!(message.headers.get("Nats-Msg-Id").unwrap().as_str(), event.id.to_string());
        }
    }
}

impl Running {
    /// Waits until everything up to this position is in the stream.
    pub(crate) async fn published(&mut self, position: i64) -> RelayStatus {
        let published = self.status.wait_for(|status| status.published >= position);
        *timeout(DEADLINE, published).await.expect("not published in time").unwrap()
    }

    /// Waits until this relay has created the stream so often.
    pub(crate) async fn created(&mut self, times: u64) {
        let created = self.status.wait_for(|status| status.created >= times);
        timeout(DEADLINE, created).await.expect("not created in time").unwrap();
    }

    /// Waits until this relay leads.
    pub(crate) async fn leads(&mut self) {
        timeout(DEADLINE, self.status.wait_for(|status| status.leading)).await.unwrap().unwrap();
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.unwrap().unwrap();
    }
}

/// Takes events up to `last` and checks that they come in order, each once.
pub(crate) async fn expect_to(follower: &mut Follower, last: i64) {
    let mut next = follower.checkpoint().position + 1;
    while next <= last {
        let batch = timeout(DEADLINE, follower.next_batch(256)).await.expect("nothing came").unwrap();
        for envelope in batch {
            assert_eq!(envelope.position, next);
            next += 1;
        }
    }
}

pub(crate) async fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(6).acquire_timeout(DEADLINE).connect_with(options).await.unwrap()
}

pub(crate) async fn jetstream(url: &str) -> Context {
    let client = nats::connect(&url.parse().unwrap(), "test", &Metrics::default()).await.unwrap();
    let mut context = jetstream::new(client);
    context.set_timeout(DEADLINE);
    context
}
