//! Where the services keep things: given by URL, or started here.

use std::path::PathBuf;

use command_api::sealing::SealArgs;
use servers::{DataDir, Options, Places, Running};
use service::config::{ConfigError, DatabaseUrl, NatsUrl};
use service::secrets::SecretKey;

use super::Up;
use crate::{connection::ConnectionFile, error::Failure, operator::migrate, say};

/// The stores, and what of them this process started.
pub(crate) struct Stores {
    pub(crate) event_store: DatabaseUrl,
    pub(crate) read_model: DatabaseUrl,
    pub(crate) nats: NatsUrl,
    /// The file with the secret key, which exists.
    pub(crate) secret_key_file: PathBuf,
    running: Running,
    directory: DataDir,
}

impl Stores {
    /// Takes hold of the data directory, starts what no URL is given for and checks what one is given for.
    pub(crate) async fn open(arguments: &Up) -> Result<Self, Failure> {
        let directory = DataDir::open(&arguments.data_dir).await?;
        if let Some(wished) = directory.instead_of() {
            let path = directory.path().display();
            say::text(&format!("{} is closed to the servers' user: data go to {path}", wished.display()));
        }
        let secret_key_file =
            arguments.secret_key_file.clone().unwrap_or_else(|| directory.path().join("secret.key"));
        SecretKey::read_or_create(&secret_key_file)?;
        let running = servers::start(&directory, &options(arguments)).await?;
        let event_store = database(arguments.event_store.event_store_url.as_ref(), &running)?;
        let read_model = database(arguments.read_model.read_model_url.as_ref(), &running)?;
        let nats = match (&arguments.nats.nats_url, running.nats_url()) {
            (Some(url), _) => url.clone(),
            (None, url) => parse(url, "NATS_URL")?,
        };
        let stores = Self { event_store, read_model, nats, secret_key_file, running, directory };
        servers::check_postgres("EVENT_STORE_URL", stores.event_store.expose()).await?;
        servers::check_postgres("READ_MODEL_URL", stores.read_model.expose()).await?;
        for (host, port) in service::nats::addresses(&stores.nats) {
            servers::check_nats("NATS_URL", &host, port).await?;
        }
        Ok(stores)
    }

    /// How the log is sealed: where nobody says otherwise seals are kept beside the data, and so is who was erased.
    pub(crate) fn seals(&self, given: &SealArgs) -> SealArgs {
        let beside = || (!given.seal_after.0.is_zero()).then(|| self.directory.path().join("seals.ndjson"));
        let erased_file =
            given.erased_file.clone().or_else(|| Some(self.directory.path().join("erased.ndjson")));
        SealArgs { seal_file: given.seal_file.clone().or_else(beside), erased_file, ..given.clone() }
    }

    /// Writes down how other programs of this machine join.
    pub(crate) fn tell(
        &self,
        public_url: &str,
        jwks_url: &str,
        seals: &SealArgs,
    ) -> std::io::Result<ConnectionFile> {
        let absolute = |path: &PathBuf| std::path::absolute(path).map(|path| path.display().to_string());
        let known = |path: &Option<PathBuf>| path.as_ref().map_or(Ok(String::new()), absolute);
        let (key, seal_file) = (absolute(&self.secret_key_file)?, known(&seals.seal_file)?);
        let seal_key_file = known(&seals.keys.seal_key_file)?;
        let public: Vec<_> = seals.keys.seal_public_keys.iter().map(ToString::to_string).collect();
        let public = public.join(",");
        let mut settings = vec![
            ("EVENT_STORE_URL", self.event_store.expose()),
            ("READ_MODEL_URL", self.read_model.expose()),
            ("NATS_URL", self.nats.expose()),
            ("PUBLIC_URL", public_url),
            ("JWKS_URL", jwks_url),
            ("TASKLEDGER_SECRET_KEY_FILE", &key),
            ("SEAL_FILE", &seal_file),
            ("SEAL_KEY_FILE", &seal_key_file),
            ("SEAL_PUBLIC_KEYS", &public),
        ];
        settings.retain(|(_, value)| !value.is_empty());
        ConnectionFile::write(self.directory.path(), &settings)
    }

    /// Brings both schemas up to date.
    pub(crate) async fn migrate(&self) -> Result<(), Failure> {
        migrate::bring_up_to_date(self.event_store.expose(), self.read_model.expose()).await
    }

    /// Resolves when a server that was started here ends by itself: its name and last words.
    pub(crate) async fn failed(&self) -> (&'static str, String) {
        self.running.failed().await
    }

    /// Stops what was started here.
    pub(crate) async fn close(self) {
        self.running.stop().await;
    }
}

fn options(arguments: &Up) -> Options {
    let given = [&arguments.event_store.event_store_url, &arguments.read_model.read_model_url];
    Options {
        which: arguments.servers,
        places: Places::from_env(),
        postgres: given.iter().any(|url| url.is_none()),
        nats: arguments.nats.nats_url.is_none(),
        anchor: std::process::id(),
        progress: say::text,
    }
}

fn database(given: Option<&DatabaseUrl>, running: &Running) -> Result<DatabaseUrl, Failure> {
    match given {
        Some(url) => Ok(url.clone()),
        None => parse(running.postgres_url(), "EVENT_STORE_URL"),
    }
}

fn parse<T: std::str::FromStr>(url: Option<String>, name: &'static str) -> Result<T, Failure> {
    let url = url.and_then(|url| url.parse().ok());
    url.ok_or_else(|| ConfigError::Missing(name).into())
}
