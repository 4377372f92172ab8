//! The query side as a process of its own.

use std::net::SocketAddr;

use clap::Parser;
use read_api::{BuildError, Config, RunError, Surroundings};
use service::{
    config::{self, HttpArgs, LogArgs},
    telemetry,
};
use tokio::net::TcpListener;

/// Answers queries from the read model and the log.
#[derive(Debug, Parser)]
#[command(name = "read-api", version)]
struct Arguments {
    /// Where HTTP is answered.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8083")]
    listen: SocketAddr,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Arguments = config::load().unwrap_or_else(|error| config::exit(&error));
    telemetry::init(arguments.log.filter.as_deref())?;
    let surroundings = Surroundings::default();
    surroundings.shutdown.on_signals()?;
    if let Some(address) = arguments.http.metrics_addr {
        let listener = TcpListener::bind(address).await?;
        let Surroundings { metrics, shutdown, .. } = surroundings.clone();
        surroundings.shutdown.spawn(service::metrics::serve(listener, metrics, shutdown));
    }
    let listener = TcpListener::bind(arguments.listen).await?;
    match read_api::run(&arguments.config, &arguments.http, listener, surroundings).await {
        Err(RunError::Build(BuildError::Config(error))) => config::exit(&error),
        ended => Ok(ended?),
    }
}
