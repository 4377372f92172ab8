//! The system under test: private servers, the release binary of the all-in-one, one admin who is logged in.

use std::{
    ffi::OsStr,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
};

use crate::{
    Failure, Settings,
    load::{self, MakeRequest, Run},
    peers,
};

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a long enough benchmark password";
/// The lanes of the live versions beside the log.
const LAG: &str = "\
    WITH slowest AS (SELECT min(c.position) AS position FROM read_model.checkpoints c \
                       JOIN read_model.projections p ON p.name = c.projection AND p.live_version = c.version) \
    SELECT coalesce((SELECT max(position) FROM event_store.events), 0) - coalesce(slowest.position, 0), \
           coalesce(extract(epoch FROM clock_timestamp() - (SELECT recorded_at FROM event_store.events \
                                                            WHERE position = slowest.position + 1)), 0)::float8 \
      FROM slowest";
/// Those of two gigabytes, as much as a minute of load takes.
const WAL_FILES: usize = 128;
const PATIENCE: Duration = Duration::from_secs(60);

/// Postgres and nats-server of this run.
pub(crate) struct Stores {
    running: servers::Running,
    _directory: servers::DataDir,
    pub(crate) scratch: tempfile::TempDir,
}

impl Stores {
    /// Starts both in a temporary directory.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let scratch = tempfile::tempdir()?;
        let directory = servers::DataDir::open(&scratch.path().join("servers")).await?;
        let options = servers::Options {
            which: servers::Which::from_env()?,
            places: servers::Places::from_env(),
            postgres: true,
            nats: true,
            anchor: std::process::id(),
            progress: |_| {},
        };
        let running = servers::start(&directory, &options).await?;
        let stores = Self { running, _directory: directory, scratch };
        stores.age().await?;
        Ok(stores)
    }

    /// A server that has run for a while writes into WAL files that exist. A new one makes and zeroes each of them, which
    /// stops every commit for some 50 ms, several times a second under load.
    async fn age(&self) -> Result<(), Failure> {
        let mut connection = PgConnection::connect(&self.running.postgres_url().unwrap_or_default()).await?;
        for statement in ["ALTER SYSTEM SET min_wal_size = '2GB'", "SELECT pg_reload_conf()"] {
            sqlx::query(statement).execute(&mut connection).await?;
        }
        for _ in 0..WAL_FILES {
            sqlx::query("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
                .execute(&mut connection)
                .await?;
        }
        sqlx::query("CHECKPOINT").execute(&mut connection).await?;
        Ok(())
    }

    /// The owner's URL of a database, made if need be.
    pub(crate) async fn database(&self, name: &str) -> Result<String, Failure> {
        let owner = self.running.postgres_url().unwrap_or_default();
        let mut connection = PgConnection::connect(&owner).await?;
        let create = format!(
            "CREATE DATABASE {name} ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
        );
        sqlx::query(&create).execute(&mut connection).await?;
        let (server, _) = owner.rsplit_once('/').unwrap_or((&owner, ""));
        Ok(format!("{server}/{name}"))
    }

    /// Stops both.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// The all-in-one, running.
pub(crate) struct System {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) url: String,
    watcher: Mutex<PgConnection>,
    data: PathBuf,
    /// From the start of the process to its readiness.
    pub(crate) ready_after: Duration,
}

impl System {
    /// Starts the release binary beside this one on a database of its own, and logs in.
    pub(crate) async fn start(stores: &Stores) -> Result<Self, Failure> {
        let usual: [(&str, &str); 0] = [];
        Self::start_with(stores, "taskledger_bench", &usual).await
    }

    /// The same in a database of this name, with more settings.
    pub(crate) async fn start_with(
        stores: &Stores,
        database: &str,
        settings: &[(&str, impl AsRef<OsStr>)],
    ) -> Result<Self, Failure> {
        let url = stores.database(database).await?;
        let address = free_address()?;
        let data = stores.scratch.path().join(database);
        let started = Instant::now();
        let child = spawn(stores, address, &data, &url, settings)?;
        wait_ready(address).await?;
        let ready_after = started.elapsed();
        let token = login(address).await?;
        let watcher = Mutex::new(PgConnection::connect(&url).await?);
        Ok(Self { child, address, token, url, watcher, data, ready_after })
    }

    /// Ends the all-in-one for a while: its stores are left to others.
    pub(crate) async fn pause(&mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }

    /// Starts it again where it was, and logs in anew.
    pub(crate) async fn resume(
        &mut self,
        stores: &Stores,
        settings: &[(&str, impl AsRef<OsStr>)],
    ) -> Result<(), Failure> {
        self.child = spawn(stores, self.address, &self.data, &self.url, settings)?;
        wait_ready(self.address).await?;
        self.log_in_anew().await
    }

    /// A create, as a load generator sends it.
    pub(crate) fn create(&self) -> MakeRequest {
        create(&self.token)
    }

    /// A token that is good again for as long as any: a million tasks outlast one.
    pub(crate) async fn log_in_anew(&mut self) -> Result<(), Failure> {
        self.token = login(self.address).await?;
        Ok(())
    }

    /// A GET with the admin's token.
    pub(crate) fn get(&self, path: &str) -> Request<Full<Bytes>> {
        get(&self.token, path)
    }

    /// A command as the admin, or under this token; its answer.
    pub(crate) async fn command(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value, Failure> {
        self.send(self.request(Method::POST, path, token), body).await
    }

    /// A request about what is there, in whatever version; without a body where it is null, as is an answer without one.
    pub(crate) async fn act(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value, Failure> {
        self.send(self.request(method, path, token).header("if-match", "*"), body).await
    }

    fn request(&self, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
        let patch = method == Method::PATCH;
        reqwest::Client::new()
            .request(method, format!("http://{}{path}", self.address))
            .bearer_auth(token.unwrap_or(&self.token))
            .header("idempotency-key", rand::random::<u64>().to_string())
            .header("content-type", if patch { "application/merge-patch+json" } else { "application/json" })
    }

    async fn send(&self, request: RequestBuilder, body: &Value) -> Result<Value, Failure> {
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = request.send().await?;
        let (status, answer) = (answer.status(), answer.text().await?);
        if status.is_success() {
            Ok(serde_json::from_str(&answer).unwrap_or_default())
        } else {
            Err(Failure::Answer(answer))
        }
    }

    /// The admin's login.
    pub(crate) fn login(&self) -> MakeRequest {
        let body = Bytes::from(json!({"email": EMAIL, "password": PASSWORD}).to_string());
        Arc::new(move |_| {
            let request = Request::post("/v1/auth/login").header("host", "localhost");
            let request = request.header("content-type", "application/json");
            request.body(Full::new(body.clone())).expect("the request is valid")
        })
    }

    /// How far the slowest lane is behind: events, and seconds since the first of them was recorded.
    pub(crate) async fn lag(&self) -> Result<(i64, f64), Failure> {
        let mut watcher = self.watcher.lock().await;
        Ok(sqlx::query_as(LAG).fetch_one(&mut *watcher).await?)
    }

    /// Waits until every projection has caught up; says how long it took.
    pub(crate) async fn drain(&self) -> Result<Duration, Failure> {
        let started = Instant::now();
        while self.lag().await?.0 > 0 {
            if started.elapsed() > 10 * PATIENCE {
                return Err(Failure::NotReady("the read model"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(started.elapsed())
    }

    /// Runs an operator's command beside the all-in-one, from its start to its end.
    pub(crate) async fn operate(&self, arguments: &[&str]) -> Result<Duration, Failure> {
        let started = Instant::now();
        let mut command = Command::new(beside_us("taskledger")?);
        let status =
            command.args(arguments).arg("--data-dir").arg(&self.data).stdout(Stdio::null()).status().await?;
        if status.success() { Ok(started.elapsed()) } else { Err(Failure::Answer(status.to_string())) }
    }

    /// Resident memory of the all-in-one, without Postgres and NATS, in MiB (Linux).
    pub(crate) fn resident_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kib / 1024.0)
    }

    /// CPU time of the all-in-one so far, without Postgres and NATS (Linux).
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        // The name before may hold anything; then in user mode and in the kernel are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Some(times.sum::<Result<f64, _>>().ok()? / TICKS)
    }

    /// Ends the all-in-one.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
}

fn spawn(
    stores: &Stores,
    address: SocketAddr,
    data: &Path,
    url: &str,
    settings: &[(&str, impl AsRef<OsStr>)],
) -> Result<Child, Failure> {
    let child = Command::new(beside_us("taskledger")?)
        .args(["--port", &address.port().to_string(), "--data-dir"])
        .arg(data)
        .env("EVENT_STORE_URL", url)
        .env("READ_MODEL_URL", url)
        .env("NATS_URL", stores.running.nats_url().unwrap_or_default())
        .env("TASKLEDGER_ADMIN_EMAIL", EMAIL)
        .env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD)
        .env("RATE_LIMITS", "off")
        .env("RUST_LOG", "warn")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

/// A GET under this token.
pub(crate) fn get(token: &str, path: &str) -> Request<Full<Bytes>> {
    let request = Request::get(path).header("host", "localhost");
    let request = request.header("authorization", format!("Bearer {token}"));
    request.body(Full::default()).expect("the request is valid")
}

/// A create under this token.
pub(crate) fn create(token: &str) -> MakeRequest {
    let token = format!("Bearer {token}");
    Arc::new(move |number| {
        Request::post("/v1/tasks")
            .header("host", "localhost")
            .header("authorization", &token)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(peers::body(number))))
            .expect("the request is valid")
    })
}

/// A reference peer as a process of its own; killed when dropped.
pub(crate) struct Peer {
    _child: Child,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// Starts a peer of this program and waits for its port.
    pub(crate) async fn start(name: &str, url: &str) -> Result<Self, Failure> {
        let address = free_address()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["peer", name, "--url", url, "--port", &address.port().to_string()])
            .kill_on_drop(true)
            .spawn()?;
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if Instant::now() > until {
                return Err(Failure::NotReady("a peer"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { _child: child, address })
    }

    /// Ten seconds of creates at full speed on a peer with a database of its own.
    pub(crate) async fn creates(stores: &Stores, name: &str, settings: &Settings) -> Result<Run, Failure> {
        let url = stores.database(&format!("peer_{name}")).await?;
        let peer = Self::start(name, &url).await?;
        let create: MakeRequest = Arc::new(|number| {
            Request::post("/")
                .header("host", "localhost")
                .body(Full::new(Bytes::from(peers::body(number))))
                .expect("the request is valid")
        });
        let duration = Duration::from_secs(settings.seconds.min(10));
        load::closed_loop(peer.address, settings.connections, duration, create).await
    }
}

/// Where pgbench is.
pub(crate) fn pgbench(given: Option<&PathBuf>) -> PathBuf {
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut found: Vec<_> = versions
            .flatten()
            .map(|version| version.path().join("bin/pgbench"))
            .filter(|path| path.exists())
            .collect();
        found.sort();
        found.pop()
    };
    given.cloned().or_else(debian).unwrap_or_else(|| PathBuf::from("pgbench"))
}

fn beside_us(name: &str) -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn wait_ready(address: SocketAddr) -> Result<(), Failure> {
    let client = reqwest::Client::new();
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let answer = client.get(format!("http://{address}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Failure::NotReady("taskledger"))
}

async fn login(address: SocketAddr) -> Result<String, Failure> {
    let answer: Value = reqwest::Client::new()
        .post(format!("http://{address}/v1/auth/login"))
        .json(&json!({"email": EMAIL, "password": PASSWORD}))
        .send()
        .await?
        .json()
        .await?;
    answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| Failure::Answer(answer.to_string()))
}
