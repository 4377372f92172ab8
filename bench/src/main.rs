//! Prints what Taskledger does per second beside what the machine can do, all in one run on one machine.
//!
//! Build with `--release` first: `cargo build --release -p taskledger -p bench && target/release/bench burst`.

mod load;
mod peers;
mod receivers;
mod report;
mod runs;
mod system;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Figures as ratios in one run.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Creates per second at full speed beside pgbench, the naive stack and the bare group-commit handler.
    Burst(Settings),
    /// The highest rate of creates at which the projections stay less than a second behind.
    Sustained(Settings),
    /// One command at a time beside one INSERT at a time, commands at a given rate, and acknowledged → visible at that rate.
    Latency {
        #[command(flatten)]
        settings: Settings,
        /// Creates per second to load with; half of what `sustained` found.
        #[arg(long, default_value_t = 2_000.0)]
        rate: f64,
    },
    /// Rebuild of the task read model beside COPY into the same table with the same indexes.
    Rebuild {
        #[command(flatten)]
        settings: Settings,
        /// Tasks to create first.
        #[arg(long, default_value_t = 200_000)]
        tasks: u64,
    },
    /// Task by id beside a bare handler with the same SELECT.
    Reads(Settings),
    /// Lists of tasks as of all times beside a bare handler with a SELECT by id.
    AsOf {
        #[command(flatten)]
        settings: Settings,
        /// Tasks to create first; every other one is started too.
        #[arg(long, default_value_t = 1_000_000)]
        tasks: u64,
    },
    /// The questions of auditors about a log as long as that, each beside a bare handler with a SELECT by id.
    ///
    /// A few hundred events are made through the API and copied within the database, with other people, tasks, addresses and
    /// times. Ten million take about 15 GB where `TMPDIR` is, and some more while
    /// they are made.
    Audit {
        #[command(flatten)]
        settings: Settings,
        /// Events of the log.
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
        /// Rebuilds the read model of audits too.
        #[arg(long)]
        rebuild: bool,
        /// Stays as it is at the end until ctrl-c, with the URL of its database on the last line.
        #[arg(long)]
        stay: bool,
    },
    /// Creates at full speed without and with seals, and how fast a log is verified.
    Seals(Settings),
    /// Streams of events that one process holds: memory and CPU of each, events delivered, commit → received.
    ///
    /// All are one user's, so limits are off; they come from many addresses, a thousand from each.
    Subscribers {
        #[command(flatten)]
        settings: Settings,
        /// Streams.
        #[arg(long, default_value_t = 10_000)]
        count: usize,
        /// Creates per second, each an event for every stream.
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
    },
    /// Logins at full speed, and a task list at a fixed rate without and beside them.
    Logins(Settings),
    /// Deliveries per second by channel, event → received, and what endpoints that hang do to the others.
    Deliveries {
        #[command(flatten)]
        settings: Settings,
        /// Deliveries on each channel.
        #[arg(long, default_value_t = 10_000)]
        deliveries: u64,
        /// Endpoints among which some hang.
        #[arg(long, default_value_t = 100)]
        endpoints: u64,
        /// Events per second, each for every endpoint.
        #[arg(long, default_value_t = 5.0)]
        rate: f64,
    },
    /// Creates at full speed on a Taskledger that runs elsewhere.
    #[command(hide = true)]
    Load {
        #[command(flatten)]
        settings: Settings,
        /// Where its command API listens.
        #[arg(long)]
        address: std::net::SocketAddr,
        /// An access token.
        #[arg(long)]
        token: String,
        /// Creates per second; as many as possible without it.
        #[arg(long)]
        rate: Option<f64>,
    },
    /// Runs one reference peer until it is killed.
    #[command(hide = true)]
    Peer {
        /// `naive`, `bare` or `select`.
        name: String,
        /// Its database.
        #[arg(long)]
        url: String,
        /// Its port on 127.0.0.1.
        #[arg(long)]
        port: u16,
    },
}

/// What all runs share.
#[derive(Debug, Clone, clap::Args)]
struct Settings {
    /// Connections at a time.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Where pgbench is; by default beside Debian's Postgres or on PATH.
    #[arg(long)]
    pgbench: Option<PathBuf>,
}

/// Why a run could not be finished.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Request(#[from] reqwest::Error),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    Servers(#[from] servers::Error),
    #[error("a worker failed: {0}")]
    Worker(String),
    #[error("pgbench failed: {0}")]
    Pgbench(String),
    #[error("{0} did not become ready")]
    NotReady(&'static str),
    #[error("unexpected answer: {0}")]
    Answer(String),
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the only place that reports a failed run")]
async fn main() {
    // The one TLS provider; it can only be missing once.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Cli::parse().command {
        Command::Burst(settings) => runs::burst(&settings).await,
        Command::Sustained(settings) => runs::sustained(&settings).await,
        Command::Latency { settings, rate } => runs::latency(&settings, rate).await,
        Command::Rebuild { settings, tasks } => runs::rebuild(&settings, tasks).await,
        Command::Reads(settings) => runs::reads(&settings).await,
        Command::AsOf { settings, tasks } => runs::as_of(&settings, tasks).await,
        Command::Audit { settings, events, rebuild, stay } => {
            runs::audit(&settings, events, rebuild, stay).await
        }
        Command::Seals(settings) => runs::seals(&settings).await,
        Command::Subscribers { settings, count, rate } => runs::subscribers(&settings, count, rate).await,
        Command::Logins(settings) => runs::logins(&settings).await,
        Command::Deliveries { settings, deliveries, endpoints, rate } => {
            runs::deliveries(&settings, deliveries, endpoints, rate).await
        }
        Command::Load { settings, address, token, rate } => {
            runs::load(&settings, address, &token, rate).await
        }
        Command::Peer { name, url, port } => peers::serve(&name, &url, port).await,
    };
    if let Err(failure) = outcome {
        eprintln!("bench: {failure}");
        std::process::exit(1);
    }
}
