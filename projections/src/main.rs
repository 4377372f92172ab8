//! The projections service.

use std::net::SocketAddr;

use clap::Parser;
use projections::{Config, Surroundings};
use service::{
    config::{self, ConfigError, HttpArgs, LogArgs},
    telemetry,
};
use tokio::net::TcpListener;

/// Folds the log into the read models that queries read.
#[derive(Debug, Parser)]
#[command(name = "projections", version)]
struct Arguments {
    /// Where /livez and /readyz are answered.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8082")]
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
    match projections::run(&arguments.config, &arguments.http, listener, surroundings).await {
        Err(projections::RunError::Build(projections::BuildError::Config(error))) => exit(error),
        ended => Ok(ended?),
    }
}

fn exit(error: ConfigError) -> ! {
    config::exit(&error)
}
