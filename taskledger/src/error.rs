//! Why a command of the operator came to nothing: one line each, and an exit code.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use command_api::auth::PasswordError;
use service::config::{ConfigError, EXIT_CODE};
use service::process::BuildError;
use service::secrets::SecretKeyError;

/// What the shell gets when something that is needed is not there (`EX_UNAVAILABLE`).
const UNAVAILABLE: u8 = 69;

/// The command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0} is taken by another process: choose another with --port")]
    PortTaken(SocketAddr),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Servers(#[from] servers::Error),
    #[error("{0} ended by itself: {1}")]
    ServerEnded(&'static str, String),
    #[error(transparent)]
    Telemetry(#[from] service::telemetry::TelemetryError),
    #[error(transparent)]
    SecretKey(#[from] SecretKeyError),
    #[error("the event store could not be migrated: {0}")]
    EventStore(#[source] sqlx::migrate::MigrateError),
    #[error(transparent)]
    ReadModel(#[from] projections::MigrateError),
    #[error(transparent)]
    Service(#[from] BuildError),
    #[error("the first admin could not be made: {0}")]
    FirstAdmin(#[from] PasswordError),
    #[error("the log could not be asked: {0}")]
    Log(#[source] command_api::commands::Refusal),
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    #[error(transparent)]
    Mapping(#[from] crate::import::MappingError),
    #[error(transparent)]
    Source(#[from] crate::import::SourceError),
    #[error(transparent)]
    Import(#[from] crate::import::ImportError),
    #[error(transparent)]
    Rebuild(#[from] projections::rebuild::RebuildError),
    #[error(transparent)]
    Stream(#[from] event_store::stream::StreamError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    SigningKeys(#[from] command_api::auth::SigningKeysError),
    #[error("nothing runs on {}: start `taskledger` there, or give EVENT_STORE_URL", .0.display())]
    NothingRuns(PathBuf),
    #[error(transparent)]
    Verify(#[from] event_store::seals::VerifyError),
    #[error("{log}: position {}{} is bad: {}", .found.position, up_to(.found), .found.fault)]
    NotAsSealed { log: &'static str, found: event_store::seals::Finding },
    #[error("position {0} cannot be read: {1}")]
    Unreadable(i64, #[source] event_store::envelope::EnvelopeError),
    #[error(transparent)]
    ReadLog(#[from] event_store::LogError),
    #[error("interrupted")]
    Interrupted,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Where it cannot be told which position of a block it is.
fn up_to(found: &event_store::seals::Finding) -> String {
    if found.up_to > found.position { format!(" (or another up to {})", found.up_to) } else { String::new() }
}

impl Failure {
    /// 64 for a bad setting, 69 for what is missing or taken, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Telemetry(_) | Self::Service(BuildError::Config(_)) => {
                ExitCode::from(u8::try_from(EXIT_CODE).unwrap_or(1))
            }
            Self::PortTaken(_) | Self::Listen { .. } | Self::Servers(_) | Self::NothingRuns(_) => {
                ExitCode::from(UNAVAILABLE)
            }
            _ => ExitCode::FAILURE,
        }
    }
}
