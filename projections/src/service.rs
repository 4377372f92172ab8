//! The service: every projection at work, with health and metrics.

use std::{io, sync::Arc};

use ::service::{
    config::{ConfigError, EventStoreArgs, HttpArgs, NatsArgs, ReadModelArgs, SecretKeyArgs},
    health::Health,
    http,
    metrics::Metrics,
    shutdown::Shutdown,
};
use axum::Router;
use clap::Args;
use event_store::{Log, MasterKey, Pressure, Role, Sealer, follow::Tail};
use sqlx::postgres::PgPoolOptions;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    connect::ReadModel,
    lag::Gauges,
    operations,
    projector::Projector,
    registry::projectors,
    runner::{self, Pace, Progress, Sources},
};

/// Connections to the log at most: each projection follows it, rebuilds read it, names are opened with its keys.
const LOG_CONNECTIONS: u32 = 8;

/// From the installation's secret to the key that keys of persons are sealed with; command-api says the same words.
const SEAL_LABEL: &str = "event store";

/// Settings of the projections.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// The log.
    #[command(flatten)]
    pub event_store: EventStoreArgs,
    /// The tables.
    #[command(flatten)]
    pub read_model: ReadModelArgs,
    /// The copy of the log, and progress messages.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// To open names.
    #[command(flatten)]
    pub secret_key: SecretKeyArgs,
}

/// Why the service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database URL cannot be used.
    #[error("a database URL cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// NATS refuses us.
    #[error("NATS refuses the connection: {0}")]
    Nats(#[from] async_nats::ConnectError),
}

/// The parts that a process gives to each of its services.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Gets a check for each projection.
    pub health: Health,
    /// Gets the lag of each lane.
    pub metrics: Metrics,
    /// Ends the workers.
    pub shutdown: Shutdown,
    /// What the workers give way to.
    pub pressure: Pressure,
}

/// What commands of the operator and the workers need: sources and projectors.
pub struct Projections {
    /// Where from and where to.
    pub sources: Sources,
    /// All of them.
    pub projectors: Vec<Arc<dyn Projector>>,
    nats: async_nats::Client,
}

impl Projections {
    /// Connects; databases that are down show later.
    pub async fn connect(config: &Config, metrics: &Metrics) -> Result<Self, BuildError> {
        ::service::tls::install();
        let options = event_store::connect_options(config.event_store.url()?.expose(), Role::Projections)?;
        let pool = PgPoolOptions::new()
            .max_connections(LOG_CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let master = MasterKey(config.secret_key.read()?.derive(SEAL_LABEL));
        let sealer = Arc::new(Sealer::new(pool.clone(), &master));
        let nats = ::service::nats::connect(config.nats.url()?, "projections", metrics).await?;
        let sources = Sources {
            read_model: ReadModel::new(config.read_model.url()?.expose())?,
            log: Log::connect(pool),
            jetstream: async_nats::jetstream::new(nats.clone()),
            tail: None,
        };
        Ok(Self { sources, projectors: projectors(&sealer), nats })
    }

    /// The projector of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Projector>> {
        self.projectors.iter().find(|projector| projector.projection().name == name)
    }
}

/// Starts all projections; they end with the shutdown.
pub async fn build(config: &Config, surroundings: &Surroundings) -> Result<(), BuildError> {
    let mut projections = Projections::connect(config, &surroundings.metrics).await?;
    let Sources { log, jetstream, .. } = projections.sources.clone();
    projections.sources.tail = Some(Tail::start(log, jetstream, surroundings.pressure.clone()));
    let shutdown = &surroundings.shutdown;
    for projector in &projections.projectors {
        let name = projector.projection().name;
        let (told, latest) = watch::channel(Progress::default());
        let publishing = runner::publish(projections.nats.clone(), name, latest, shutdown.token().clone());
        shutdown.spawn(publishing);
        let sources = projections.sources.clone();
        let stop = shutdown.token().clone();
        let pace = Pace { pressure: surroundings.pressure.clone(), ..Pace::default() };
        shutdown.spawn(runner::run(projector.clone(), sources, pace, told, stop));
    }
    let (projectors, sources) = (projections.projectors.clone(), projections.sources.clone());
    shutdown.spawn(operations::run(projectors, sources, Pace::default(), shutdown.token().clone()));
    let gauges = Gauges::register(&surroundings.metrics);
    shutdown.spawn(gauges.watch(projections.sources.clone(), shutdown.token().clone()));
    check(&surroundings.health, projections.sources.clone());
    Ok(())
}

/// Ready means that the read model is there and no projection is stopped.
fn check(health: &Health, sources: Sources) {
    health.check("projections", move || {
        let sources = sources.clone();
        async move {
            match crate::lag::stopped(&sources.read_model).await {
                Ok(stopped) if stopped.is_empty() => Ok(()),
                Ok(stopped) => Err(format!("stopped: {}", stopped.join(", "))),
                Err(error) => {
                    tracing::debug!(%error, "the read model does not answer");
                    Err("no read model".into())
                }
            }
        }
    });
}

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It never began.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The port was lost.
    #[error(transparent)]
    Serve(#[from] io::Error),
}

/// Works until the shutdown; `listener` answers health only.
pub async fn run(
    config: &Config,
    http: &HttpArgs,
    listener: TcpListener,
    surroundings: Surroundings,
) -> Result<(), RunError> {
    build(config, &surroundings).await?;
    let Surroundings { health, metrics, shutdown, .. } = surroundings;
    let router = http::finish(Router::new(), http.edge(health, metrics, shutdown.clone()));
    http::serve(listener, router, http.limits(), shutdown.clone()).await?;
    shutdown.wait().await;
    Ok(())
}
