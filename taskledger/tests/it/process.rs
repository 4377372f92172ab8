//! The all-in-one as a process, watched from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::system::PATIENCE;

/// The all-in-one and the operator's commands.
pub(crate) fn taskledger() -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_taskledger")))
}

/// A program with nothing of our environment that it would take for a setting, and whose clients may hurry.
pub(crate) fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    let settings = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        name.ends_with("_URL") || (name.starts_with("TASKLEDGER_") && name != "TASKLEDGER_SERVERS")
    });
    for (name, _) in settings {
        command.env_remove(name);
    }
    command.env("RATE_LIMITS", "off").stdin(Stdio::null());
    command
}

/// Runs to the end; for what is expected to fail soon. What it logs meanwhile, in JSON, is left out: on a busy machine
/// it may find something slow.
pub(crate) fn fails(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().expect("the program runs");
    let stderr = String::from_utf8_lossy(&stderr);
    let words: Vec<_> = stderr.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(words.len(), 1, "one line is enough: {stderr}");
    (status.code().expect("it ended by itself"), words[0].to_owned())
}

/// A running `up` with a data directory.
pub(crate) struct Up {
    child: Child,
    pub(crate) url: String,
    pub(crate) banner: String,
}

impl Up {
    /// Starts on a free port and waits until it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {})
    }

    /// The same with more settings.
    pub(crate) fn start_with(data: &Path, set: impl FnOnce(&mut Command)) -> Self {
        Self::start_at(data, 0, set)
    }

    pub(crate) fn start_at(data: &Path, port: u16, set: impl FnOnce(&mut Command)) -> Self {
        let mut command = taskledger();
        command.arg("--data-dir").arg(data).arg("--port").arg(port.to_string()).stdout(Stdio::piped());
        set(&mut command);
        let mut child = command.spawn().expect("the program runs");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        for line in stdout.lines() {
            let line = line.expect("the banner is text");
            banner += &format!("{line}\n");
            if line.starts_with("ctrl-c") {
                let url = banner.split_whitespace().find(|word| word.starts_with("http://localhost:"));
                let url = url.expect("the banner names the address").to_owned();
                return Self { child, url, banner };
            }
        }
        panic!("it ended with {:?} after {banner}", child.wait());
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> ExitStatus {
        let pid = self.child.id().to_string();
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid]).status().expect("sh runs");
        until(|| self.child.try_wait().expect("it is our child").is_some());
        self.child.wait().expect("it has ended")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Its servers notice.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A plain GET: status and body.
pub(crate) fn get(url: &str, path: &str) -> (u16, String) {
    get_as(url, path, None)
}

/// A GET with an access token.
pub(crate) fn get_as(url: &str, path: &str, token: Option<&str>) -> (u16, String) {
    exchange(url, "GET", path, token, "")
}

/// The same, asked until it can be answered: the read model has caught up, everything is ready.
pub(crate) fn get_when_there(url: &str, path: &str, token: Option<&str>) -> (u16, String) {
    let mut answer = get_as(url, path, token);
    until(|| {
        let there = answer.0 != 503;
        if !there {
            answer = get_as(url, path, token);
        }
        there
    });
    answer
}

/// A POST with a JSON body.
pub(crate) fn post(url: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    exchange(url, "POST", path, token, body)
}

fn exchange(url: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").expect("the URL is plain HTTP");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{token}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a head has a status"), body.to_owned())
}

/// Process ids of the private servers of a data directory.
pub(crate) fn servers_of(data: &Path) -> Vec<String> {
    let files = ["postgres/postgres.pid", "nats/nats-server.pid"];
    files.iter().filter_map(|file| std::fs::read_to_string(data.join(file)).ok()).collect()
}

/// Whether a process is there.
pub(crate) fn runs(pid: &str) -> bool {
    let command = format!("kill -0 {}", pid.trim());
    let mut sh = Command::new("sh");
    sh.args(["-c", &command]).stderr(Stdio::null()).status().expect("sh runs").success()
}

/// Looks again and again, up to a limit.
pub(crate) fn until(mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// A directory for data; open to the user that the servers run as.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory for temporary files")
}
