//! The command line of `core`.

use std::path::PathBuf;

use clap::Args;
use servers::DataDir;
use service::{
    config::{ConfigError, DatabaseUrl, LogArgs, PublicUrl},
    secrets::Secret,
};

use super::back::Back;
use crate::{connection, error::Failure};

/// Settings of `core`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Core {
    /// The port to listen on; this machine alone comes in.
    #[arg(long, env = "CORE_PORT", value_name = "PORT", default_value_t = 9090)]
    pub(super) port: u16,
    /// Where it keeps what it is told, in a schema `core_system`; by default beside the data of the `up` that runs.
    #[arg(long, env = "CORE_DATABASE_URL", value_name = "URL")]
    database: Option<DatabaseUrl>,
    /// The data directory of the `up` that runs.
    #[arg(long, env = "TASKLEDGER_DATA_DIR", value_name = "DIRECTORY", default_value = ".taskledger")]
    data_dir: PathBuf,
    /// The bearer token that it wants to see; none by default.
    #[arg(long, env = "INTERFACE_API_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    interface_api_token: Option<Secret<String>>,
    /// Taskledger, for what the core system does there itself.
    #[arg(long, env = "TASKLEDGER_URL", value_name = "URL", default_value = "http://localhost:8080")]
    taskledger_url: PublicUrl,
    /// The API key of a service account there.
    #[arg(long, env = "TASKLEDGER_TOKEN", value_name = "KEY", hide_env_values = true)]
    taskledger_token: Option<Secret<String>>,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

impl Core {
    /// As given, else that of the `up` that runs.
    pub(super) fn database(&self) -> Result<DatabaseUrl, Failure> {
        if let Some(url) = &self.database {
            return Ok(url.clone());
        }
        let known = connection::read(&DataDir::locate(&self.data_dir)?).unwrap_or_default();
        let url = known.get("READ_MODEL_URL").ok_or_else(|| Failure::NothingRuns(self.data_dir.clone()))?;
        url.parse().map_err(|_| ConfigError::Invalid("READ_MODEL_URL is malformed".to_owned()).into())
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.interface_api_token.as_ref().map(|token| token.expose().trim())
    }

    /// The way back, if there is a key for it.
    pub(super) fn back(&self) -> Result<Option<Back>, ConfigError> {
        let Some(key) = &self.taskledger_token else { return Ok(None) };
        Back::new(self.taskledger_url.as_str(), key.expose().trim()).map(Some)
    }
}
