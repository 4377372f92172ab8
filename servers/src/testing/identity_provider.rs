//! A real OpenID provider for tests: nanoidp, which comes from the Python index with its hashes pinned.
//!
//! `nanoidp.lock` is what `uv pip compile --universal --generate-hashes` makes of `nanoidp==3.4.0`, without the packages that
//! only its server for agents needs.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Error,
    account::Account,
    error::at,
    find::{
        Places,
        bundled::{Package, provide},
    },
    keeper::{Job, Kept},
    start::blocking,
};

use super::{
    own::{discard, own_home},
    run::next_port,
};

const NAME: &str = "nanoidp";
const VERSION: &str = "3.4.0";
const LOCK: &str = include_str!("nanoidp.lock");
/// Making its first key takes a second without load.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A client that the provider knows.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its name there.
    pub id: &'static str,
    /// How it proves who it is: `client_secret_basic`, `client_secret_post`, or `none` for a public one, which must use PKCE.
    pub method: &'static str,
    /// None for a public one.
    pub secret: Option<&'static str>,
    /// Where it has browsers sent back to.
    pub redirect_uri: &'static str,
}

/// An OpenID provider of a test's own; it ends when dropped.
///
/// Users are made with `POST /api/runtime/users`, keys are replaced with `POST /api/keys/rotate`.
#[derive(Debug)]
pub struct IdentityProvider {
    program: Program,
    home: PathBuf,
    port: u16,
    kept: Kept,
}

/// How to run it.
#[derive(Debug, Clone)]
struct Program {
    python: String,
    packages: PathBuf,
}

/// Starts a provider that knows these clients.
pub async fn identity_provider(clients: &[Client]) -> IdentityProvider {
    let program = blocking(install).await.unwrap_or_else(|error| panic!("{error}"));
    let (home, port) = (own_home(), next_port());
    configure(&home, port, clients).unwrap_or_else(|error| panic!("{error}"));
    let kept = run(&program, &home, port).await;
    IdentityProvider { program, home, port, kept }
}

impl IdentityProvider {
    /// Its name for itself, and where it is.
    pub fn issuer(&self) -> String {
        issuer(self.port)
    }

    /// Ends it; keys and configuration stay.
    pub async fn stop(&mut self) {
        self.kept.stop().await;
    }

    /// Starts it again at the same place. Users made at run time are gone.
    pub async fn start(&mut self) {
        self.kept = run(&self.program, &self.home, self.port).await;
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        discard(&self.kept, &self.home);
    }
}

fn issuer(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The cache has a copy for each version of Python: parts of it are compiled for that version.
fn install() -> Result<Program, Error> {
    let no_python = || Error::NoPip { program: NAME, needed: VERSION };
    let places = Places::from_env();
    let found = places.on_path("python3").ok_or_else(no_python)?;
    let ask = "import sys; print(sys.executable); print(sys.implementation.cache_tag)";
    let answer = Command::new(&found).args(["-c", ask]).output().map_err(at(&found))?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    let (python, tag) = answer.trim().split_once('\n').ok_or_else(no_python)?;
    let package = Package {
        title: format!("{NAME}=={VERSION}"),
        directory: format!("{NAME}-{VERSION}-{tag}"),
        requirements: LOCK.to_owned(),
        inside: "nanoidp/__main__.py",
    };
    let cache = places.cache_for(Account::for_servers()?);
    let packages = cache.join(&package.directory);
    if !packages.join(package.inside).is_file() {
        let pip = [python, "-m", "pip"].map(str::to_owned);
        let there = Command::new(python).args(["-m", "pip", "--version"]).output();
        if !there.is_ok_and(|answer| answer.status.success()) {
            return Err(no_python());
        }
        provide(&package, &pip, &cache, |line| tracing::info!("{line}"))?;
    }
    Ok(Program { python: python.to_owned(), packages })
}

fn configure(home: &Path, port: u16, clients: &[Client]) -> Result<(), Error> {
    std::fs::create_dir_all(home).map_err(at(home))?;
    let clients = clients.iter().map(|Client { id, method, secret, redirect_uri }| {
        let secret = secret.map(|secret| format!("      client_secret: \"{secret}\"\n"));
        format!(
            "    - client_id: \"{id}\"\n{}      token_endpoint_auth_method: \"{method}\"\n      \
             redirect_uris: [\"{redirect_uri}\"]\n",
            secret.unwrap_or_default()
        )
    });
    let settings = format!(
        "config_version: 1\nserver:\n  host: \"127.0.0.1\"\n  port: {port}\noauth:\n  issuer: \"{}\"\n  \
         audience: \"api\"\n  clients:\n{}",
        issuer(port),
        clients.collect::<String>()
    );
    for (name, text) in
        [("settings.yaml", settings.as_str()), ("users.yaml", "config_version: 1\nusers: {}\n")]
    {
        let path = home.join(name);
        std::fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(())
}

async fn run(program: &Program, home: &Path, port: u16) -> Kept {
    let started = start(program, home, port).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

async fn start(program: &Program, home: &Path, port: u16) -> Result<Kept, Error> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let packages = format!("PYTHONPATH={}", text(&program.packages));
    let mut command = vec!["env".to_owned(), packages, "PYTHONDONTWRITEBYTECODE=1".to_owned()];
    command.extend([&program.python, "-m", NAME, "--config", &text(home)].map(str::to_owned));
    let kept = Kept::start(Job {
        command,
        anchor: std::process::id(),
        signal: "TERM",
        grace: Duration::from_secs(10),
        directory: home,
        name: NAME,
        scratch: Some(home),
        lock: None,
        account: Account::OURSELVES,
    })?;
    let deadline = Instant::now() + READY_WITHIN;
    while !answers(port).await {
        let ended = kept.has_ended();
        if ended || Instant::now() > deadline {
            let reason = if ended { kept.last_words() } else { "it does not answer".to_owned() };
            return Err(Error::NotStarted { program: NAME, reason, log: kept.log().to_owned() });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(kept)
}

async fn answers(port: u16) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.lines().next()?.contains(" 200 "))
    };
    matches!(timeout(Duration::from_secs(5), asked).await, Ok(Some(true)))
}
