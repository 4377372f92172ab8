//! A log, a JetStream of its own, and a stand-in for the relay.

use std::time::Duration;

use async_nats::{
    HeaderMap, header,
    jetstream::{self, Context, stream::State},
};
use event_store::{
    Log, Role, connect_options, envelope,
    follow::{Checkpoint, FollowError, Follower},
    stream::{EventStream, StreamConfig},
};
use futures_util::TryStreamExt;
use servers::testing::{self, TestDatabase, TestNats};
use sqlx::{
    ConnectOptions, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::store::{PATIENCE, template};

const APPEND: &str = r#"
    INSERT INTO event_store.events
    SELECT position, position, clock_timestamp(), gen_random_uuid(), 'task', $1, 'task.assigned', '1',
           format('{"assignee":"%s","reason":"%s"}', $1::text, repeat('x', $4))::json,
           format('{"actor_type":"user","actor_id":"%s","request_id":"%s","correlation_id":"%s","transport":"http",
                    "occurred_at":"2026-11-21T05:00:00Z"}', $1::text, $1::text, $1::text)::json
      FROM generate_series($2::bigint, $3::bigint) AS position"#;

pub(crate) struct World {
    pub(crate) owner: PgPool,
    pub(crate) log: Log,
    pub(crate) context: Context,
    _database: TestDatabase,
    _nats: Option<TestNats>,
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
        let owner = pool(PgConnectOptions::from_url(&database.url().parse().unwrap()).unwrap()).await;
        let log = Log::connect(pool(connect_options(database.url(), Role::Projections).unwrap()).await);
        Self { owner, log, context: jetstream(nats_url).await, _database: database, _nats: None }
    }

    /// Appends events up to this position.
    pub(crate) async fn append_to(&self, last: i64) {
        self.append_large_to(last, 0).await;
    }

    /// The same, each of them larger than so many bytes.
    pub(crate) async fn append_large_to(&self, last: i64, bytes: i32) {
        let first = self.log.head().await.unwrap() + 1;
        let aggregate = Uuid::new_v4().to_string();
        let append = sqlx::query(APPEND).bind(aggregate).bind(first).bind(last).bind(bytes);
        append.execute(&self.owner).await.unwrap();
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::query(sql).execute(&self.owner).await.unwrap();
    }

    /// Creates the stream so that it begins at `first`, as the relay would.
    pub(crate) async fn create_stream(&self, first: i64) {
        let epoch = self.log.epoch().await.unwrap();
        let stream = EventStream::new(self.context.clone());
        stream.recreate(&StreamConfig::default(), epoch, first).await.unwrap();
    }

    /// Publishes what the stream lacks up to this position, as the relay would.
    pub(crate) async fn publish_to(&self, last: i64) {
        let from = i64::try_from(self.state().await.last_sequence).unwrap();
        let events = self.log.read_after(from, last - from, i64::MAX).await.unwrap();
        for event in events {
            let mut headers = HeaderMap::new();
            headers.insert(header::NATS_MESSAGE_ID, event.id.to_string());
            headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, (event.position - 1).to_string());
            let subject = envelope::subject(&event.event_type, event.aggregate_id);
            let bytes = envelope::encode(&event).unwrap();
            self.context.publish_with_headers(subject, headers, bytes).await.unwrap().await.unwrap();
        }
    }

    pub(crate) async fn append_and_publish_to(&self, last: i64) {
        self.append_to(last).await;
        self.publish_to(last).await;
    }

    pub(crate) fn follow(&self, from: Checkpoint) -> Follower {
        Follower::new(self.log.clone(), self.context.clone(), from)
    }

    /// The checkpoint of a consumer that handled the event at this position.
    pub(crate) async fn checkpoint(&self, position: i64) -> Checkpoint {
        let event = self.log.event_at(position).await.unwrap().unwrap();
        Checkpoint::at(position, event.id)
    }

    /// The number of consumers on the stream.
    pub(crate) async fn consumers(&self) -> usize {
        self.state().await.consumer_count
    }

    /// The last position that the server has sent to a consumer; 0 while there is none.
    pub(crate) async fn sent(&self) -> i64 {
        let stream = self.context.get_stream(event_store::stream::NAME).await.unwrap();
        let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
        let last = consumers.iter().map(|consumer| consumer.delivered.stream_sequence).max();
        i64::try_from(last.unwrap_or_default()).unwrap()
    }

    async fn state(&self) -> State {
        let stream = self.context.get_stream(event_store::stream::NAME).await.unwrap();
        stream.cached_info().state.clone()
    }
}

async fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new().max_connections(4).acquire_timeout(PATIENCE).connect_with(options).await.unwrap()
}

/// A JetStream context, whether its server is there or not.
pub(crate) async fn jetstream(url: &str) -> Context {
    let server: async_nats::ServerAddr = url.parse().unwrap();
    let options = || {
        let options =
            async_nats::ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(50));
        match (server.username(), server.password()) {
            (Some(user), Some(password)) => options.user_and_password(user.into(), password.into()),
            _ => options,
        }
    };
    let client = match options().connect(url).await {
        Ok(client) => client,
        Err(_) => options().retry_on_initial_connect().connect(url).await.unwrap(),
    };
    let mut context = jetstream::new(client);
    context.set_timeout(PATIENCE);
    context
}

/// Takes events until `last` and checks that they are the next ones, each once.
pub(crate) async fn expect_to(follower: &mut Follower, last: i64) {
    let mut next = follower.checkpoint().position + 1;
    while next <= last {
        for envelope in next_batch(follower).await.unwrap() {
            assert_eq!(envelope.position, next);
            next += 1;
        }
    }
    assert_eq!(next, last + 1, "more than was appended");
}

/// The next batch, in time.
pub(crate) async fn next_batch(
    follower: &mut Follower,
) -> Result<Vec<std::sync::Arc<event_store::envelope::Envelope>>, FollowError> {
    tokio::time::timeout(PATIENCE, follower.next_batch(64)).await.expect("nothing came")
}
