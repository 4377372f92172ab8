//! The keeper: a small `sh` script that is the server's parent, so that the server outlives neither its keeper's
//! anchor (a process id) nor an order to stop, even when the anchor was killed with SIGKILL.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::Error;
use crate::account::Account;
use crate::error::at;
use crate::process;

const SCRIPT: &str = include_str!("keeper.sh");

/// What a server needs to be run under a keeper.
pub(crate) struct Job<'a> {
    /// The server and its arguments; looked up by absolute path.
    pub(crate) command: Vec<String>,
    /// The process with which the server ends.
    pub(crate) anchor: u32,
    /// The signal that asks the server to end.
    pub(crate) signal: &'static str,
    /// How long the server may take to end before it is killed.
    pub(crate) grace: Duration,
    /// Working directory; the process id goes to `<name>.pid` and all output to `<name>.log` in it.
    pub(crate) directory: &'a Path,
    /// Short name of the server.
    pub(crate) name: &'static str,
    /// Removed by the keeper when the anchor is gone, or when the server is discarded.
    pub(crate) scratch: Option<&'a Path>,
    /// Held open by the keeper, so that a lock on it lasts as long as the server.
    pub(crate) lock: Option<&'a File>,
    /// Who runs it.
    pub(crate) account: Account,
}

/// A server with its keeper.
#[derive(Debug)]
pub(crate) struct Kept {
    keeper: u32,
    grace: Duration,
    pid_file: PathBuf,
    log: PathBuf,
    ended: watch::Receiver<bool>,
}

impl Kept {
    /// Starts the keeper, which starts the server.
    pub(crate) fn start(job: Job<'_>) -> Result<Self, Error> {
        let pid_file = job.directory.join(format!("{}.pid", job.name));
        let log = job.directory.join(format!("{}.log", job.name));
        let output = File::create(&log).map_err(at(&log))?;
        job.account.own(&log, 0o600)?;
        let stdin = match job.lock {
            Some(lock) => Stdio::from(lock.try_clone().map_err(at(job.directory))?),
            None => Stdio::null(),
        };
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "keeper", &job.anchor.to_string(), job.signal])
            .arg(job.grace.as_secs().to_string())
            .arg(&pid_file)
            .arg(job.scratch.unwrap_or(Path::new("")))
            .args(&job.command)
            .current_dir(job.directory)
            .stdin(stdin)
            .stdout(output.try_clone().map_err(at(&log))?)
            .stderr(output)
            .process_group(0);
        quiet_environment(&mut command);
        job.account.apply(&mut command);
        let mut child = command.spawn().map_err(at(Path::new("sh")))?;
        let keeper = child.id();
        let (tell, ended) = watch::channel(false);
        std::thread::spawn(move || {
            drop(child.wait());
            tell.send_replace(true);
        });
        Ok(Self { keeper, grace: job.grace, pid_file, log, ended })
    }

    /// The server's process id; `None` before it has started and after it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// The server's log.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Whether server and keeper are gone.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Resolves when server and keeper are gone.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender is gone only after it has said so.
        drop(ended.wait_for(|ended| *ended).await);
    }

    /// Asks the server to end and waits for it; kills it when it takes too long.
    pub(crate) async fn stop(&self) {
        self.ask_to_end();
        if timeout(self.grace + Duration::from_secs(5), self.ended()).await.is_err() {
            process::signal("KILL", &format!("-{}", self.keeper));
            drop(timeout(Duration::from_secs(5), self.ended()).await);
        }
    }

    /// Ends the server with SIGKILL and waits until it is gone.
    #[cfg(feature = "testing")]
    pub(crate) async fn kill(&self) {
        if let Some(pid) = self.pid() {
            process::signal("KILL", &pid.to_string());
        }
        self.stop().await;
    }

    /// Asks the server to end and the keeper to remove what is scratch; does not wait.
    #[cfg(feature = "testing")]
    pub(crate) fn discard(&self) {
        if !self.has_ended() {
            process::signal("USR1", &self.keeper.to_string());
        }
    }

    fn ask_to_end(&self) {
        if !self.has_ended() {
            process::signal("TERM", &self.keeper.to_string());
        }
    }

    /// The line of the log that says best why the server ended.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let telling = ["FATAL:", "[FTL]", "PANIC:", "ERROR:", "nats-server:"];
        let found = lines.iter().rev().find(|line| telling.iter().any(|word| line.contains(word)));
        found.or(lines.last()).map_or_else(|| "it left no word".to_owned(), |line| line.trim().to_owned())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.ask_to_end();
    }
}

/// Leaves a server nothing of our environment but where programs and libraries are.
pub(crate) fn quiet_environment(command: &mut Command) {
    let kept = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "NIX_LD", "LOCALE_ARCHIVE"];
    let kept: Vec<_> = kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    command.env_clear().envs(kept).env("LC_ALL", "C");
}
