//! A private Postgres: made once, started on a free port, ready when it lets us in.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::account::Account;
use crate::error::at;
use crate::keeper::{Job, Kept, quiet_environment};
use crate::{Error, port, process};

const NAME: &str = "postgres";
const USER: &str = "taskledger";

/// Recovery after a crash may have much to read.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// UTF-8 ctypes of the C library, the plainest first; macOS before 15 lacks it.
const CTYPES: [&str; 2] = ["C.UTF-8", "en_US.UTF-8"];

/// Settings that every instance has; the last of two for one name counts.
const SETTINGS: [(&str, &str); 13] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "100"),
    ("shared_buffers", "256MB"),
    ("wal_level", "replica"),
    // After each checkpoint a page is logged whole once: under load they should be minutes apart, not seconds.
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
];

/// One Postgres data directory and how to run it.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// The `postgres` program; `initdb` lies beside it.
    pub(crate) program: PathBuf,
    /// Holds the data (`pgdata`), the password and the log.
    pub(crate) home: PathBuf,
    pub(crate) account: Account,
    /// Overrides of [`SETTINGS`].
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// The signal that asks it to end: `INT` is the fast shutdown, `QUIT` the immediate one.
    pub(crate) signal: &'static str,
    pub(crate) anchor: u32,
}

/// A Postgres that lets us in.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) kept: Kept,
    pub(crate) port: u16,
    password: String,
}

impl Postgres {
    /// The owner's password.
    #[cfg(feature = "testing")]
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// URL of a database for the owner of everything.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }
}

impl Instance {
    fn data(&self) -> PathBuf {
        self.home.join("pgdata")
    }

    /// Postgres' own, where it also says how far it is.
    fn lock_file(&self) -> PathBuf {
        self.data().join("postmaster.pid")
    }

    fn password_file(&self) -> PathBuf {
        self.home.join("password")
    }

    /// Makes the data directory, unless it is there already.
    pub(crate) fn create(&self, durable: bool) -> Result<(), Error> {
        if self.data().join("PG_VERSION").is_file() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.home).map_err(at(&self.home))?;
        self.account.own(&self.home, 0o700)?;
        let password = password();
        std::fs::write(self.password_file(), &password).map_err(at(&self.password_file()))?;
        self.account.own(&self.password_file(), 0o600)?;
        let mut outcome = Ok(());
        for ctype in CTYPES {
            outcome = self.initdb(ctype, durable);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn initdb(&self, ctype: &str, durable: bool) -> Result<(), Error> {
        // A first attempt that was interrupted, or had another ctype.
        match std::fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(at(&self.data())(error));
            }
            _ => {}
        }
        let mut command = Command::new(self.program.with_file_name("initdb"));
        command
            .arg("--pgdata")
            .arg(self.data())
            .arg("--pwfile")
            .arg(self.password_file())
            .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8"])
            .args(["--locale-provider", "libc", "--lc-collate", "C", "--lc-ctype", ctype])
            .args(["--lc-messages", "C", "--lc-monetary", "C", "--lc-numeric", "C", "--lc-time", "C"])
            .args((!durable).then_some("--no-sync"))
            .current_dir(&self.home);
        quiet_environment(&mut command);
        self.account.apply(&mut command);
        let output = command.output().map_err(at(&self.program.with_file_name("initdb")))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|line| line.contains("error:")).unwrap_or("no reason given");
        Err(Error::Failed { program: "initdb", reason: line.trim().to_owned() })
    }

    /// Starts on the given port or a free one, and waits until it lets us in.
    pub(crate) async fn start(
        &self,
        fixed: Option<u16>,
        lock: Option<&File>,
        scratch: Option<&Path>,
    ) -> Result<Postgres, Error> {
        self.forget_the_dead()?;
        let mut attempts = 50;
        loop {
            attempts -= 1;
            let port = match fixed {
                Some(port) => port,
                None => port::free().map_err(at(Path::new("127.0.0.1")))?,
            };
            match self.start_on(port, lock, scratch).await {
                Err(Error::NotStarted { log, .. }) if attempts > 0 && lost_a_race(&log) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn start_on(
        &self,
        port: u16,
        lock: Option<&File>,
        scratch: Option<&Path>,
    ) -> Result<Postgres, Error> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut command =
            vec![text(&self.program), "-D".into(), text(&self.data()), "-p".into(), port.to_string()];
        for (name, value) in SETTINGS.iter().chain(self.settings) {
            command.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let kept = Kept::start(Job {
            command,
            anchor: self.anchor,
            signal: self.signal,
            grace: Duration::from_secs(30),
            directory: &self.home,
            name: NAME,
            scratch,
            lock,
            account: self.account,
        })?;
        let file = self.password_file();
        let password = std::fs::read_to_string(&file).map_err(at(&file))?;
        let postgres = Postgres { kept, port, password };
        postgres.until_ready(&self.lock_file()).await?;
        tracing::info!(port, pid = postgres.kept.pid(), home = %self.home.display(), "Postgres is ready");
        Ok(postgres)
    }

    /// Removes what a dead server left, whose process id may be somebody else's by now.
    fn forget_the_dead(&self) -> Result<(), Error> {
        let file = self.lock_file();
        let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) else { return Ok(()) };
        let data = self.data();
        if process::alive(pid) && process::command_line(pid).contains(&*data.to_string_lossy()) {
            return Err(Error::Orphan { program: NAME, pid, path: data });
        }
        std::fs::remove_file(&file).map_err(at(&file))
    }
}

impl Postgres {
    /// It is asked only once it says itself that it is ready: before that, another server may have taken the port and
    /// answer in its place.
    async fn until_ready(&self, lock_file: &Path) -> Result<(), Error> {
        let options: PgConnectOptions = self.url("postgres").parse()?;
        let options = options.disable_statement_logging();
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let mut reason = "it is not ready".to_owned();
            if says_ready(lock_file) {
                match PgConnection::connect_with(&options).await {
                    Ok(connection) => return Ok(connection.close().await?),
                    Err(sqlx::Error::Database(error)) if error.code().as_deref() != Some("57P03") => {
                        return Err(Error::Sql(sqlx::Error::Database(error)));
                    }
                    Err(error) => reason = error.to_string(),
                }
            }
            if self.kept.has_ended() {
                return Err(self.not_started(self.kept.last_words()));
            }
            if Instant::now() > deadline {
                return Err(self.not_started(reason));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn not_started(&self, reason: String) -> Error {
        Error::NotStarted { program: NAME, reason, log: self.kept.log().to_owned() }
    }
}

/// The eighth line of Postgres' lock file is its state, as `pg_ctl --wait` reads it too.
fn says_ready(lock_file: &Path) -> bool {
    let text = std::fs::read_to_string(lock_file).unwrap_or_default();
    text.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

/// Another process took the port, or the children of a killed server were not all gone.
fn lost_a_race(log: &Path) -> bool {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.contains("Address already in use") || text.contains("is still in use")
}

/// 32 hexadecimal digits.
pub(crate) fn password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Makes the database, unless it is there already.
pub(crate) async fn ensure_database(postgres: &Postgres, name: &str) -> Result<(), Error> {
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await?;
    let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_optional(&mut connection)
        .await?;
    if found.is_none() {
        sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}
