//! Logs: to stderr, for people at a terminal, as JSON lines elsewhere; filtered by `RUST_LOG`.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` says nothing.
const DEFAULT_FILTER: &str = "info,sqlx=warn,async_nats=warn,hyper=warn,h2=warn";

/// Logging is set up once per process; a filter must be well-formed.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` is malformed.
    #[error("RUST_LOG: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// It was set up before.
    #[error("logging is already set up")]
    Twice,
}

/// Begins to log. `filter` is the value of `RUST_LOG`, if there is one.
pub fn init(filter: Option<&str>) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder().parse(filter.unwrap_or(DEFAULT_FILTER))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let set = if io::stderr().is_terminal() { logs.compact().try_init() } else { logs.json().try_init() };
    set.map_err(|_| TelemetryError::Twice)
}
