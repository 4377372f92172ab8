//! Which installation an operator's command is for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use servers::DataDir;
use service::config::{ConfigError, EventStoreArgs, NatsArgs, ReadModelArgs, SecretKeyArgs};

use crate::{connection, error::Failure};

/// Where the stores are: as given, else as `up` has them that runs on the data directory.
#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// The data directory of the `up` that runs.
    #[arg(long, env = "TASKLEDGER_DATA_DIR", value_name = "DIRECTORY", default_value = ".taskledger")]
    data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) event_store: EventStoreArgs,
    #[command(flatten)]
    pub(crate) read_model: ReadModelArgs,
    #[command(flatten)]
    pub(crate) nats: NatsArgs,
    #[command(flatten)]
    pub(crate) secret_key: SecretKeyArgs,
}

impl Target {
    /// Fills in what was not given.
    pub(crate) fn resolve(mut self) -> Result<Self, Failure> {
        let settings = self.settings()?;
        let known = |name: &'static str| Known { name, known: &settings };
        known("EVENT_STORE_URL").fill(&mut self.event_store.event_store_url)?;
        known("READ_MODEL_URL").fill(&mut self.read_model.read_model_url)?;
        known("NATS_URL").fill(&mut self.nats.nats_url)?;
        known("TASKLEDGER_SECRET_KEY_FILE").fill(&mut self.secret_key.secret_key_file)?;
        if self.event_store.event_store_url.is_none() {
            return Err(Failure::NothingRuns(self.data_dir));
        }
        Ok(self)
    }
}

impl Target {
    /// Fills in another setting that was not given.
    pub(crate) fn fill<T: FromStr>(
        &self,
        name: &'static str,
        setting: &mut Option<T>,
    ) -> Result<(), Failure> {
        Ok(Known { name, known: &self.settings()? }.fill(setting)?)
    }

    /// The settings of the `up` that runs, if one runs.
    fn settings(&self) -> Result<HashMap<String, String>, Failure> {
        let directory = DataDir::locate(&self.data_dir)?;
        Ok(connection::read(&directory).unwrap_or_default())
    }
}

/// A setting that the connection file may know.
struct Known<'a> {
    name: &'static str,
    known: &'a HashMap<String, String>,
}

impl Known<'_> {
    fn fill<T: FromStr>(&self, setting: &mut Option<T>) -> Result<(), ConfigError> {
        if let (None, Some(text)) = (&setting, self.known.get(self.name)) {
            let value =
                text.parse().map_err(|_| ConfigError::Invalid(format!("{} is malformed", self.name)))?;
            *setting = Some(value);
        }
        Ok(())
    }
}
