//! The projections service.

use std::net::SocketAddr;

use axum::Router;
use clap::Parser;
use event_store::Pressure;
use projections::{Config, OutsideArgs};
use service::{
    config::{self, HttpArgs},
    process::{self, ProcessArgs, RunError, Surroundings},
};

/// Folds the log into the read models that queries read.
#[derive(Debug, Parser)]
#[command(name = "projections", version)]
struct Arguments {
    /// Where /livez and /readyz are answered.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    outside: OutsideArgs,
}

#[tokio::main]
async fn main() -> Result<(), RunError> {
    let Arguments { listen, process, config, outside } =
        config::load().unwrap_or_else(|error| config::exit(&error));
    let build = async |http: &HttpArgs, surroundings: &Surroundings| {
        projections::build(&config, &outside, http, surroundings, &Pressure::default()).await?;
        Ok(Router::new())
    };
    process::run(listen, &process, build).await
}
