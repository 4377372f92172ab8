//! Servers whose parent is killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use servers::{DataDir, Which};

use crate::start::{options, show};

const DIRECTORY: &str = "SERVERS_IT_DIRECTORY";
/// A second or two without load.
const PATIENCE: Duration = Duration::from_secs(120);

/// Run by the tests below, in a process of its own: starts servers and waits to be killed.
#[tokio::test]
#[ignore = "not a test: the parent in the tests of this module"]
async fn parent() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    let directory = DataDir::open(Path::new(&path)).await.unwrap();
    let running = servers::start(&directory, &options(Which::Auto)).await.unwrap();
    std::fs::write(directory.path().join("ready"), "").unwrap();
    running.failed().await;
}

fn start_parent(directory: &Path) -> Child {
    let test_binary = std::env::current_exe().expect("the test binary has a path");
    let mut command = Command::new(test_binary);
    command.args(["--exact", "parent::parent", "--ignored"]).env(DIRECTORY, directory);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the test binary runs");
    until(|| directory.join("ready").exists());
    child
}

/// Process ids of all servers of the data directory.
fn servers_of(directory: &Path) -> Vec<String> {
    let files = ["postgres/postgres.pid", "nats/nats-server.pid"];
    files.iter().filter_map(|file| std::fs::read_to_string(directory.join(file)).ok()).collect()
}

fn runs(pid: &str) -> bool {
    let mut command = Command::new("kill");
    command.args(["-0", pid.trim()]).stderr(Stdio::null());
    command.status().expect("kill runs").success()
}

fn until(mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[test]
fn after_sigkill_of_the_parent_no_server_is_left() {
    let outer = tempfile::tempdir().unwrap();
    let mut parent = start_parent(outer.path());
    let servers = servers_of(outer.path());
    assert_eq!(servers.len(), 2);
    // Not reaped before the servers are gone: a dead parent that nobody waits for is dead all the same.
    parent.kill().unwrap();
    until(|| !servers.iter().any(|pid| runs(pid)));
    parent.wait().unwrap();
}

#[test]
fn a_start_right_after_sigkill_waits_for_the_servers_to_leave_and_goes_on() {
    let outer = tempfile::tempdir().unwrap();
    let mut parent = start_parent(outer.path());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let directory = DataDir::open(outer.path()).await.unwrap();
        let running = servers::start(&directory, &options(Which::Auto)).await.unwrap();
        assert_eq!(show(&running, "SELECT current_database()::text").await, "taskledger");
        running.stop().await;
    });
}
