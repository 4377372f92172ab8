//! Servers that are Python programs: installed with their hashes pinned, run by the keeper.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
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
};

/// Starting one takes a second without load.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What is installed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pinned {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// For pip: exact versions with their hashes.
    pub(super) lock: &'static str,
    /// A file of it.
    pub(super) inside: &'static str,
}

/// How to run it.
#[derive(Debug, Clone)]
pub(super) struct Program {
    name: &'static str,
    python: String,
    packages: PathBuf,
}

impl Pinned {
    /// The cache has a copy for each version of Python: parts may be compiled for that version.
    pub(super) fn install(self) -> Result<Program, Error> {
        let Self { name, version, lock, inside } = self;
        let no_python = || Error::NoPip { program: name, needed: version };
        let places = Places::from_env();
        let found = places.on_path("python3").ok_or_else(no_python)?;
        let ask = "import sys; print(sys.executable); print(sys.implementation.cache_tag)";
        let answer = Command::new(&found).args(["-c", ask]).output().map_err(at(&found))?;
        let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
        let (python, tag) = answer.trim().split_once('\n').ok_or_else(no_python)?;
        let package = Package {
            title: format!("{name}=={version}"),
            directory: format!("{name}-{version}-{tag}"),
            requirements: lock.to_owned(),
            inside,
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
        Ok(Program { name, python: python.to_owned(), packages })
    }
}

impl Program {
    /// Python with the packages, for what ends by itself.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// Runs Python with these arguments in `home` until the process ends or it is stopped; returns when `ready` says so.
    pub(super) async fn start(
        &self,
        home: &Path,
        arguments: &[&str],
        ready: impl AsyncFn() -> bool,
    ) -> Result<Kept, Error> {
        let packages = format!("PYTHONPATH={}", self.packages.to_string_lossy());
        let mut command = vec!["env".to_owned(), packages, "PYTHONDONTWRITEBYTECODE=1".to_owned()];
        command.push(self.python.clone());
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let kept = Kept::start(Job {
            command,
            anchor: std::process::id(),
            signal: "TERM",
            grace: Duration::from_secs(10),
            directory: home,
            name: self.name,
            scratch: Some(home),
            lock: None,
            account: Account::OURSELVES,
        })?;
        let deadline = Instant::now() + READY_WITHIN;
        while !ready().await {
            let ended = kept.has_ended();
            if ended || Instant::now() > deadline {
                let reason = if ended { kept.last_words() } else { "it does not answer".to_owned() };
                return Err(Error::NotStarted { program: self.name, reason, log: kept.log().to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(kept)
    }
}
