//! The query side as a process of its own.

use std::net::SocketAddr;

use clap::Parser;
use read_api::Config;
use service::{
    config::{self, HttpArgs},
    process::{self, ProcessArgs, RunError, Surroundings},
};

/// Answers queries from the read model and the log.
#[derive(Debug, Parser)]
#[command(name = "read-api", version)]
struct Arguments {
    /// Where HTTP is answered.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8083")]
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
        read_api::build(&config, http, surroundings).await
    };
    process::run(listen, &process, build).await
}
