//! A service as a process of its own: what is the same whichever service it is.

use std::{error::Error, io, net::SocketAddr};

use axum::Router;
use clap::Args;
use tokio::net::TcpListener;

use crate::{
    auth::Revocations,
    config::{self, ConfigError, HttpArgs, LogArgs, NodeArgs},
    files, grpc,
    health::Health,
    http,
    metrics::{self, Metrics},
    node::Node,
    shutdown::Shutdown,
    telemetry::{self, TelemetryError},
};

/// Settings of every process that serves one service.
#[derive(Args, Clone, Debug)]
pub struct ProcessArgs {
    /// How it meets its clients.
    #[command(flatten)]
    pub http: HttpArgs,
    /// What it logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// What it is called.
    #[command(flatten)]
    pub node: NodeArgs,
}

/// The parts that a process gives to each of its services. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Which process it is.
    pub node: Node,
    /// Gets the checks of each service.
    pub health: Health,
    /// Gets the figures of each service.
    pub metrics: Metrics,
    /// What access tokens are checked against; the services of a process share it.
    pub revocations: Revocations,
    /// Gets the names of what each service offers over gRPC.
    pub grpc: grpc::Services,
    /// Ends all background work.
    pub shutdown: Shutdown,
}

/// Why a service cannot begin.
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
    /// Something that only this service needs cannot be had.
    #[error(transparent)]
    Own(Box<dyn Error + Send + Sync>),
}

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot log.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Its service cannot begin.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A port cannot be had, or was lost.
    #[error(transparent)]
    Serve(#[from] io::Error),
}

/// Runs one service until a signal ends it: `build` starts its background work and makes its routes.
pub async fn run(
    listen: SocketAddr,
    arguments: &ProcessArgs,
    build: impl AsyncFnOnce(&HttpArgs, &Surroundings) -> Result<Router, BuildError>,
) -> Result<(), RunError> {
    let ProcessArgs { http, log, node } = arguments;
    telemetry::init(log.filter.as_deref())?;
    let surroundings = Surroundings { node: node.node(), ..Surroundings::default() };
    surroundings.shutdown.on_signals()?;
    files::allow(http.max_connections);
    if let Some(address) = http.metrics_addr {
        surroundings.serve_metrics(address).await?;
    }
    let listener = TcpListener::bind(listen).await?;
    let router = match build(http, &surroundings).await {
        Err(BuildError::Config(error)) => config::exit(&error),
        built => surroundings.finish(built?, http),
    };
    let shutdown = surroundings.shutdown;
    http::serve(listener, router, http.limits(), shutdown.clone()).await?;
    shutdown.wait().await;
    Ok(())
}

impl Surroundings {
    /// The routes as clients meet them.
    pub fn finish(&self, router: Router, http: &HttpArgs) -> Router {
        let Self { health, metrics, shutdown, .. } = self.clone();
        tracing::info!(rate_limits = %http.rate_limits, "serving");
        let router = http::finish(router, http.edge(health, metrics, shutdown));
        // Who develops has it on this machine.
        grpc::mount(router, self, http.public_url.is_loopback())
    }

    /// Serves `/metrics` on an address of its own, in the background.
    pub async fn serve_metrics(&self, address: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        let Self { metrics, shutdown, .. } = self.clone();
        self.shutdown.spawn(metrics::serve(listener, metrics, shutdown));
        Ok(())
    }
}
