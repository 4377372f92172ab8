//! Both servers below one data directory.

use std::path::PathBuf;

use crate::error::at;
use crate::find::{self, Places, Which};
use crate::nats::{self, Nats};
use crate::postgres::{self, Postgres};
use crate::{DataDir, Error};

const DATABASE: &str = "taskledger";
const NATS_USER: &str = "taskledger";

/// What to start, and from where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which servers may be used.
    pub which: Which,
    /// Where they are looked for.
    pub places: Places,
    /// Whether a Postgres is wanted.
    pub postgres: bool,
    /// Whether a nats-server is wanted.
    pub nats: bool,
    /// The process with which the servers end, usually this one.
    pub anchor: u32,
    /// Told in one line what takes long.
    pub progress: fn(&str),
}

/// The servers that were started; they end with [`stop`](Running::stop), when this is dropped, or with the anchor.
#[derive(Debug)]
pub struct Running {
    postgres: Option<Postgres>,
    nats: Option<(Nats, String)>,
}

impl Running {
    /// The owner's URL of the one database; `None` when no Postgres was wanted.
    pub fn postgres_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|postgres| postgres.url(DATABASE))
    }

    /// URL with user and password; `None` when no nats-server was wanted.
    pub fn nats_url(&self) -> Option<String> {
        self.nats.as_ref().map(|(nats, password)| nats.url(NATS_USER, password))
    }

    /// Resolves with the name of a server that has ended by itself, and its last words.
    pub async fn failed(&self) -> (&'static str, String) {
        let postgres = async {
            match &self.postgres {
                Some(postgres) => postgres.kept.ended().await,
                None => std::future::pending().await,
            }
        };
        let nats = async {
            match &self.nats {
                Some((nats, _)) => nats.kept.ended().await,
                None => std::future::pending().await,
            }
        };
        let (name, kept) = tokio::select! {
            () = postgres => ("postgres", self.postgres.as_ref().map(|postgres| &postgres.kept)),
            () = nats => ("nats-server", self.nats.as_ref().map(|(nats, _)| &nats.kept)),
        };
        (name, kept.map(|kept| kept.last_words()).unwrap_or_default())
    }

    /// Fast shutdown of all; what takes longer than some half a minute is killed.
    pub async fn stop(self) {
        let nats = async {
            if let Some((nats, _)) = &self.nats {
                nats.kept.stop().await;
            }
        };
        let postgres = async {
            if let Some(postgres) = &self.postgres {
                postgres.kept.stop().await;
            }
        };
        tokio::join!(nats, postgres);
    }
}

/// Finds or installs what is wanted and starts it; returns when both servers let us in.
pub async fn start(directory: &DataDir, options: &Options) -> Result<Running, Error> {
    let (postgres, nats) = programs(directory, options).await?;
    let mut running = Running { postgres: None, nats: None };
    if let Some(program) = postgres {
        running.postgres = Some(start_postgres(directory, options, program).await?);
    }
    if let Some(program) = nats {
        running.nats = Some(start_nats(directory, options, program).await?);
    }
    Ok(running)
}

async fn programs(
    directory: &DataDir,
    options: &Options,
) -> Result<(Option<PathBuf>, Option<PathBuf>), Error> {
    let account = directory.account;
    let options = options.clone();
    let search = move || {
        let find = |program| find::find(program, options.which, &options.places, account, options.progress);
        let postgres = options.postgres.then(|| find(&find::POSTGRES)).transpose()?;
        let nats = options.nats.then(|| find(&find::NATS)).transpose()?;
        Ok((postgres, nats))
    };
    blocking(search).await
}

async fn start_postgres(directory: &DataDir, options: &Options, program: PathBuf) -> Result<Postgres, Error> {
    let instance = postgres::Instance {
        program,
        home: directory.path().join("postgres"),
        account: directory.account,
        settings: &[],
        signal: "INT",
        anchor: options.anchor,
    };
    let making = instance.clone();
    blocking(move || making.create(true)).await?;
    let postgres = instance.start(None, Some(&directory.lock), None).await?;
    postgres::ensure_database(&postgres, DATABASE).await?;
    Ok(postgres)
}

async fn start_nats(
    directory: &DataDir,
    options: &Options,
    program: PathBuf,
) -> Result<(Nats, String), Error> {
    let password = postgres::password();
    let instance = nats::Instance {
        program,
        home: directory.path().join("nats"),
        account: directory.account,
        users: format!("authorization {{ user: \"{NATS_USER}\", password: \"{password}\" }}"),
        max_file_store: "64GB",
        anchor: options.anchor,
    };
    let nats = instance.start(None, Some(&directory.lock), None).await?;
    Ok((nats, password))
}

/// Runs what blocks beside the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(at(std::path::Path::new("spawn_blocking"))(std::io::Error::other(error))),
    }
}
