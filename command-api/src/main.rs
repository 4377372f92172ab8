//! The write side as a process of its own.

use std::net::SocketAddr;

use clap::Parser;
use command_api::Config;
use event_store::Pressure;
use service::{
    config::{self, HttpArgs},
    process::{self, ProcessArgs, RunError, Surroundings},
};

/// Executes commands, appends events, relays them.
#[derive(Debug, Parser)]
#[command(name = "command-api", version)]
struct Arguments {
    /// Where HTTP is answered.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<(), RunError> {
    let Arguments { listen, process, config } = config::load().unwrap_or_else(|error| config::exit(&error));
    let build = async |http: &HttpArgs, surroundings: &Surroundings| {
        let api = command_api::build(&config, http, surroundings, &Pressure::default()).await?;
        Ok(api.router())
    };
    process::run(listen, &process, build).await
}
