//! The servers of one test run, found by every process that the same cargo starts.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, sync::OnceCell};

use crate::account::Account;
use crate::find::{self, Places, Which};
use crate::start::blocking;
use crate::{nats as nats_server, port, postgres, process};

/// Throwaway data: nothing waits for the disk, and nothing runs beside the tests.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_connections", "500"),
];

const ACCOUNTS: u32 = 2000;
const FILE_STORE: &str = "100TB";

/// Where to find a server of this run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) port: u16,
    password: String,
}

impl Address {
    /// URL of a database on the shared Postgres.
    pub(super) fn postgres_url(&self, database: &str) -> String {
        format!("postgres://taskledger:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }
}

/// An account on the shared nats-server, with JetStream and nobody else in it.
#[derive(Debug)]
pub struct TestNats {
    url: String,
}

impl TestNats {
    /// URL with user and password.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// An account of its own for a test.
pub async fn nats() -> TestNats {
    let address = nats_address().await;
    let number = next("account");
    assert!(number < ACCOUNTS, "all {ACCOUNTS} accounts of this test run are taken");
    TestNats { url: format!("nats://t{number}:{}@127.0.0.1:{}", address.password, address.port) }
}

/// A port that no other test of this run is given: whoever starts again finds it still free.
pub(super) fn next_port() -> u16 {
    // Runs begin at different ones, so that two on one machine seldom meet.
    let begin = anchor().wrapping_mul(64);
    loop {
        let number = begin.wrapping_add(next("port")) % u32::from(port::TESTS);
        let port = port::FIRST_OF_TESTS + u16::try_from(number).expect("less than the number of ports");
        if port::is_free(port) {
            return port;
        }
    }
}

/// Counts from 0, over all processes of this run.
fn next(counter: &str) -> u32 {
    let _alone = lock(counter);
    let file = directory().join(counter);
    let number = std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    std::fs::write(&file, (number + 1).to_string()).expect("the run's directory is writable");
    number
}

/// The shared Postgres, started by whoever comes first.
pub(super) async fn postgres_address() -> &'static Address {
    static ADDRESS: OnceCell<Address> = OnceCell::const_new();
    ADDRESS
        .get_or_init(|| async {
            let _alone = lock_async("postgres").await;
            match known("postgres") {
                Some(address) if listens(&address).await => address,
                _ => start_postgres().await,
            }
        })
        .await
}

async fn start_postgres() -> Address {
    let instance = postgres_instance(directory().join("postgres"), SETTINGS, anchor()).await;
    let started = instance.start(None, None, Some(directory())).await;
    let server = started.unwrap_or_else(|error| panic!("{error}"));
    let address = Address { port: server.port, password: server.password().to_owned() };
    // It stays for the other test processes: cargo's end is its end.
    std::mem::forget(server);
    remember("postgres", &address);
    address
}

/// A Postgres with fresh data.
pub(super) async fn postgres_instance(
    home: PathBuf,
    settings: &'static [(&'static str, &'static str)],
    anchor: u32,
) -> postgres::Instance {
    drop(std::fs::remove_dir_all(&home));
    let instance = postgres::Instance {
        program: program(&find::POSTGRES).await,
        home,
        account: account(),
        settings,
        signal: "QUIT",
        anchor,
    };
    let making = instance.clone();
    blocking(move || making.create(false)).await.unwrap_or_else(|error| panic!("{error}"));
    instance
}

async fn nats_address() -> &'static Address {
    static ADDRESS: OnceCell<Address> = OnceCell::const_new();
    ADDRESS
        .get_or_init(|| async {
            let _alone = lock_async("nats").await;
            match known("nats") {
                Some(address) if listens(&address).await => address,
                _ => start_nats().await,
            }
        })
        .await
}

async fn start_nats() -> Address {
    let password = postgres::password();
    let accounts = (0..ACCOUNTS).map(|number| {
        format!("T{number}: {{ jetstream: enabled, users: [ {{ user: t{number}, password: \"{password}\" }} ] }}\n")
    });
    let users = format!(
        "accounts {{ SYS: {{ users: [ {{ user: sys, password: \"{password}\" }} ] }}\n{} }}\nsystem_account: SYS",
        accounts.collect::<String>()
    );
    let instance = nats_instance(directory().join("nats"), users, anchor()).await;
    let started = instance.start(None, None, Some(directory())).await;
    let server = started.unwrap_or_else(|error| panic!("{error}"));
    let address = Address { port: server.port, password };
    std::mem::forget(server);
    remember("nats", &address);
    address
}

/// A nats-server without streams.
pub(super) async fn nats_instance(home: PathBuf, users: String, anchor: u32) -> nats_server::Instance {
    drop(std::fs::remove_dir_all(&home));
    let program = program(&find::NATS).await;
    nats_server::Instance { program, home, account: account(), users, max_file_store: FILE_STORE, anchor }
}

async fn program(which: &'static find::Program) -> PathBuf {
    let search = move || {
        let progress = |line: &str| tracing::info!("{line}");
        find::find(which, Which::from_env()?, &Places::from_env(), account(), progress)
    };
    blocking(search).await.unwrap_or_else(|error| panic!("{error}"))
}

fn account() -> Account {
    Account::for_servers().unwrap_or_else(|error| panic!("{error}"))
}

/// cargo, which outlives all test processes of a run; ourselves when somebody else started us.
fn anchor() -> u32 {
    let parent = std::os::unix::process::parent_id();
    let line = process::command_line(parent);
    let program = line.split_whitespace().next().unwrap_or_default();
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.starts_with("cargo") { parent } else { std::process::id() }
}

/// Where this run keeps its servers' data; the keepers remove it.
pub(super) fn directory() -> &'static Path {
    static DIRECTORY: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let path = temporary().join(format!("taskledger-tests-{}", anchor()));
        std::fs::create_dir_all(&path).expect("the directory for temporary files is writable");
        account().own(&path, 0o700).unwrap_or_else(|error| panic!("{error}"));
        path
    })
}

/// A directory for temporary files that the servers' user reaches.
pub(super) fn temporary() -> PathBuf {
    let places = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    places.into_iter().find(|place| account().reaches(place)).expect("a directory for temporary files")
}

/// Keeps other processes and threads of this run out until dropped.
pub(super) fn lock(name: &str) -> File {
    let file =
        File::create(directory().join(format!("{name}.lock"))).expect("the run's directory is writable");
    file.lock().expect("the run's directory is on a file system with locks");
    file
}

pub(super) async fn lock_async(name: &'static str) -> File {
    blocking(move || Ok(lock(name))).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the server still runs. Nothing more is asked: one that is slow to answer must not be replaced under those
/// who use it.
async fn listens(address: &Address) -> bool {
    TcpStream::connect(("127.0.0.1", address.port)).await.is_ok()
}

fn known(name: &str) -> Option<Address> {
    let text = std::fs::read_to_string(directory().join(format!("{name}.json"))).ok()?;
    serde_json::from_str(&text).ok()
}

fn remember(name: &str, address: &Address) {
    let text = serde_json::to_string(address).expect("an address is plain data");
    std::fs::write(directory().join(format!("{name}.json")), text).expect("the run's directory is writable");
}
