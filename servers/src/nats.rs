//! A private nats-server with JetStream on files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::account::Account;
use crate::error::at;
use crate::keeper::{Job, Kept};
use crate::{Error, port, process};

const NAME: &str = "nats-server";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One JetStream directory and how to run it.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// The `nats-server` program.
    pub(crate) program: PathBuf,
    /// Holds the streams (`jetstream`), the configuration and the log.
    pub(crate) home: PathBuf,
    pub(crate) account: Account,
    /// What the configuration says of users, in nats-server's own language.
    pub(crate) users: String,
    /// Most that all streams together may take, like `10GB`.
    pub(crate) max_file_store: &'static str,
    pub(crate) anchor: u32,
}

/// A nats-server that answers.
#[derive(Debug)]
pub(crate) struct Nats {
    pub(crate) kept: Kept,
    pub(crate) port: u16,
    /// What it calls itself since this start.
    name: String,
}

impl Nats {
    /// URL for a user.
    pub(crate) fn url(&self, user: &str, password: &str) -> String {
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }
}

impl Instance {
    /// Starts on the given port or a free one, and waits until it answers.
    pub(crate) async fn start(
        &self,
        fixed: Option<u16>,
        lock: Option<&File>,
        scratch: Option<&Path>,
    ) -> Result<Nats, Error> {
        std::fs::create_dir_all(&self.home).map_err(at(&self.home))?;
        self.account.own(&self.home, 0o700)?;
        self.refuse_an_orphan()?;
        let mut attempts = 50;
        loop {
            attempts -= 1;
            let port = match fixed {
                Some(port) => port,
                None => port::free().map_err(at(Path::new("127.0.0.1")))?,
            };
            match self.start_on(port, lock, scratch).await {
                Err(Error::NotStarted { reason, .. })
                    if attempts > 0 && reason.contains("already in use") =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_on(&self, port: u16, lock: Option<&File>, scratch: Option<&Path>) -> Result<Nats, Error> {
        let name = format!("taskledger-{:016x}", rand::random::<u64>());
        let configuration = self.configure(port, &name)?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let kept = Kept::start(Job {
            command: vec![text(&self.program), "-c".to_owned(), text(&configuration)],
            anchor: self.anchor,
            signal: "TERM",
            grace: Duration::from_secs(10),
            directory: &self.home,
            name: NAME,
            scratch,
            lock,
            account: self.account,
        })?;
        let nats = Nats { kept, port, name };
        nats.until_ready().await?;
        tracing::info!(port, pid = nats.kept.pid(), home = %self.home.display(), "nats-server is ready");
        Ok(nats)
    }

    fn configure(&self, port: u16, name: &str) -> Result<PathBuf, Error> {
        let path = self.home.join("nats-server.conf");
        let store = self.home.join("jetstream");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             server_name: \"{name}\"\n\
             jetstream {{ store_dir: \"{}\", max_file_store: {}, max_memory_store: 256MB }}\n{}\n",
            store.display(),
            self.max_file_store,
            self.users
        );
        std::fs::write(&path, text).map_err(at(&path))?;
        self.account.own(&path, 0o600)?;
        Ok(path)
    }

    /// nats-server does not lock its directory: two on one would destroy it.
    fn refuse_an_orphan(&self) -> Result<(), Error> {
        let file = self.home.join(format!("{NAME}.pid"));
        let pid = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let Some(pid) = pid else { return Ok(()) };
        if process::alive(pid) && process::command_line(pid).contains(&*self.home.to_string_lossy()) {
            return Err(Error::Orphan { program: NAME, pid, path: self.home.clone() });
        }
        Ok(())
    }
}

impl Nats {
    async fn until_ready(&self) -> Result<(), Error> {
        let deadline = Instant::now() + READY_WITHIN;
        while !self.greets().await {
            if self.kept.has_ended() {
                return Err(self.not_started(self.kept.last_words()));
            }
            if Instant::now() > deadline {
                return Err(self.not_started("it does not answer".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Whether it sends its first line, which it does when everything in it is ready. It must name itself: another
    /// server may have taken the port and answer in its place.
    async fn greets(&self) -> bool {
        let greeting = async {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.ok()?;
            Some(line.starts_with("INFO ") && line.contains(&self.name))
        };
        matches!(timeout(Duration::from_secs(2), greeting).await, Ok(Some(true)))
    }

    fn not_started(&self, reason: String) -> Error {
        Error::NotStarted { program: NAME, reason, log: self.kept.log().to_owned() }
    }
}
