//! One database with log and read model, ways to write to the one and to wait for the other.

use std::{sync::Arc, time::Duration};

use domain::{
    event::{ActorType, Metadata, to_stored},
    ids::EventId,
    task::TaskEvent,
    time::Timestamp,
};
use event_store::{
    AggregateRef, Appender, AppenderConfig, Log, MasterKey, NewEvent, Outcome, Pressure, Role, Sealer,
    StreamAppend, Unit, connect_options, follow::Tail,
};
use projections::{
    ReadModel,
    projector::Projector,
    registry::projectors,
    runner::{self, Pace, Progress, Sources},
};
use servers::testing::{self, Template, TestDatabase, TestNats};
use service::metrics::Metrics;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// Longest wait for anything; a busy machine may stand still for a while.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// Log and read model in one fresh database.
pub(crate) struct World {
    pub log: Log,
    pub appender: Appender,
    /// May write events and keys, as command-api does.
    pub sealer: Arc<Sealer>,
    pub sources: Sources,
    pub projectors: Vec<Arc<dyn Projector>>,
    /// The owner: may look and meddle everywhere.
    pub owner: PgPool,
    pub url: String,
    _database: TestDatabase,
    _nats: TestNats,
    _stop: DropGuard,
}

fn template() -> Template {
    Template::new("projections", |url: String| async move {
        event_store::migrate(&url).await.expect("the log is migrated");
        projections::migrate(&url).await
    })
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = testing::database(&template()).await;
        let nats = testing::nats().await;
        let url = database.url().to_owned();
        let stop = CancellationToken::new();
        let command = connect_options(&url, Role::Command).unwrap();
        let sealer =
            Sealer::new(PgPoolOptions::new().connect_lazy_with(command.clone()), &MasterKey([7; 32]));
        let reading =
            PgPoolOptions::new().connect_lazy_with(connect_options(&url, Role::Projections).unwrap());
        let opener = Arc::new(Sealer::new(reading.clone(), &MasterKey([7; 32])));
        let client =
            service::nats::connect(&nats.url().parse().unwrap(), "tests", &Metrics::default()).await.unwrap();
        let log = Log::connect(reading);
        let jetstream = async_nats::jetstream::new(client);
        let appending = AppenderConfig { deadline: DEADLINE, ..AppenderConfig::new(command) };
        let projectors = projectors(&opener, &log);
        Self {
            appender: Appender::spawn(appending, stop.clone()),
            sealer: Arc::new(sealer),
            sources: Sources {
                read_model: ReadModel::new(&url).unwrap(),
                log: log.clone(),
                tail: Some(Tail::start(log.clone(), jetstream.clone(), Pressure::default())),
                jetstream,
            },
            log,
            projectors,
            owner: PgPoolOptions::new().connect_lazy(&url).unwrap(),
            url,
            _database: database,
            _nats: nats,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn projector(&self, name: &str) -> Arc<dyn Projector> {
        self.projectors.iter().find(|projector| projector.projection().name == name).unwrap().clone()
    }

    /// Appends to one aggregate after `expected`; returns the position of the last event.
    pub(crate) async fn append(
        &self,
        kind: &'static str,
        id: Uuid,
        expected: i64,
        events: Vec<NewEvent>,
    ) -> i64 {
        let streams =
            vec![StreamAppend { aggregate: AggregateRef { kind, id }, expected, events, snapshot: None }];
        let unit = Unit { id: Uuid::now_v7(), streams, ..Unit::default() };
        match self.appender.append(unit).await.unwrap() {
            Outcome::Appended { position } => position,
            other => panic!("{other:?}"),
        }
    }

    /// Starts the workers of one process on all projections.
    pub(crate) fn start(&self) -> Workers {
        self.start_some(&["tasks", "task_search", "users", "audit"])
    }

    pub(crate) fn start_some(&self, names: &[&str]) -> Workers {
        let stop = CancellationToken::new();
        let tasks = names.iter().map(|name| {
            let (told, _) = watch::channel(Progress::default());
            let pace = Pace { lease: Duration::from_secs(2), ..Pace::default() };
            tokio::spawn(runner::run(self.projector(name), self.sources.clone(), pace, told, stop.clone()))
        });
        Workers { tasks: tasks.collect(), stop }
    }

    /// Waits until the lowest lane of the live version is at `position`.
    pub(crate) async fn reached(&self, projection: &str, position: i64) {
        let sql = "SELECT position >= $2 FROM read_model.positions WHERE projection = $1";
        self.becomes_true(sql, projection, position).await;
    }

    pub(crate) async fn all_reached(&self, position: i64) {
        for projection in ["tasks", "task_search", "users", "audit"] {
            self.reached(projection, position).await;
        }
    }

    /// Waits until the query over ($1 text, $2 bigint) says true.
    pub(crate) async fn becomes_true(&self, sql: &str, name: &str, number: i64) {
        let asked = async {
            loop {
                let answer = sqlx::query_scalar(sql).bind(name).bind(number).fetch_optional(&self.owner);
                if let Ok(Some(true)) = answer.await {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(DEADLINE, asked).await.is_err() {
            let lanes: Vec<(String, i16, i64, i32)> = sqlx::query_as(
                "SELECT projection, lane, position, parked FROM read_model.checkpoints ORDER BY 1, 2",
            )
            .fetch_all(&self.owner)
            .await
            .unwrap();
            panic!("{sql} never became true of {name}, {number}: {lanes:?}");
        }
    }

    /// Time passes for rebuilds that died.
    pub(crate) async fn leases_of_rebuilds_run_out(&self) {
        self.run(
            "UPDATE read_model.checkpoints AS c SET lease_until = clock_timestamp() FROM read_model.projections AS p
                WHERE p.name = c.projection AND c.version <> p.live_version",
        )
        .await;
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.unwrap()
    }

    pub(crate) async fn text(&self, sql: &str) -> Option<String> {
        sqlx::query_scalar(sql).fetch_one(&self.owner).await.unwrap()
    }

    pub(crate) async fn run(&self, sql: &str) {
        sqlx::raw_sql(sql).execute(&self.owner).await.unwrap();
    }
}

/// Workers of one process; dropping them is a crash, stopping them is not.
pub(crate) struct Workers {
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Workers {
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            tokio::time::timeout(DEADLINE, task).await.expect("workers stop").unwrap();
        }
    }

    /// Ends them wherever they are, as a crash would.
    pub(crate) async fn crash(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // Awaited, so that its connections are gone.
            let _ = task.await;
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An event as command-api would hand it to the log.
pub(crate) fn stored(event_type: &str, version: &str, payload: String, at: Timestamp) -> NewEvent {
    let id = Uuid::now_v7();
    let metadata = Metadata {
        actor_type: ActorType::System,
        actor_id: None,
        on_behalf_of: None,
        session_id: None,
        ip: None,
        user_agent: None,
        request_id: id,
        correlation_id: id,
        causation_id: None,
        traceparent: None,
        transport: "system".into(),
        occurred_at: at,
        ip_chain: None,
        node: None,
        app_version: None,
        route: None,
        key_hash: None,
    };
    NewEvent {
        id: EventId(id),
        event_type: event_type.into(),
        event_version: version.into(),
        payload,
        metadata: serde_json::to_string(&metadata).unwrap().into(),
    }
}

pub(crate) fn task_event(event: &TaskEvent, at: Timestamp) -> NewEvent {
    let (event_type, version) = event.stored_type();
    stored(event_type, version, to_stored(event).unwrap(), at)
}
