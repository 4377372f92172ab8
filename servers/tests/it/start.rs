//! Servers below a data directory: started, stopped, started again.

use std::path::Path;

use servers::{DataDir, Error, Options, Places, Running, Which};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

pub(crate) fn options(which: Which) -> Options {
    Options {
        which,
        places: Places::from_env(),
        postgres: true,
        nats: true,
        anchor: std::process::id(),
        progress: |_line| {},
    }
}

pub(crate) async fn show(running: &Running, sql: &str) -> String {
    let url = running.postgres_url().expect("Postgres is wanted");
    let mut connection = PgConnection::connect(&url).await.expect("Postgres lets us in");
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("Postgres answers")
}

async fn execute(running: &Running, sql: &str) {
    let url = running.postgres_url().expect("Postgres is wanted");
    let mut connection = PgConnection::connect(&url).await.expect("Postgres lets us in");
    sqlx::raw_sql(sql).execute(&mut connection).await.expect("Postgres answers");
}

/// What nats-server says to whoever connects.
async fn greeting(running: &Running) -> String {
    let url = running.nats_url().expect("nats-server is wanted");
    let address = url.rsplit('@').next().expect("the URL names a user");
    let mut line = String::new();
    let stream = TcpStream::connect(address).await.expect("nats-server listens");
    BufReader::new(stream).read_line(&mut line).await.expect("nats-server greets");
    line
}

fn left_behind(directory: &Path) -> Vec<String> {
    let files = ["postgres/postgres.pid", "postgres/pgdata/postmaster.pid", "nats/nats-server.pid"];
    files.iter().filter(|file| directory.join(file).exists()).map(|file| (*file).to_owned()).collect()
}

#[tokio::test]
async fn bundled_servers_serve_as_the_product_needs_them() {
    let outer = tempfile::tempdir().unwrap();
    let directory = DataDir::open(&outer.path().join("data")).await.unwrap();
    let running = servers::start(&directory, &options(Which::Bundled)).await.unwrap();
    assert!(show(&running, "SHOW server_version").await.starts_with("18.6"));
    assert_eq!(show(&running, "SHOW fsync").await, "on");
    assert_eq!(show(&running, "SHOW synchronous_commit").await, "on");
    assert_eq!(show(&running, "SHOW wal_level").await, "replica");
    assert_eq!(show(&running, "SHOW shared_buffers").await, "256MB");
    let ctype = "SELECT datctype::text FROM pg_database WHERE datname = current_database()";
    assert!(show(&running, ctype).await.ends_with("UTF-8"));
    let method = "SELECT split_part(rolpassword, '$', 1) FROM pg_authid WHERE rolname = current_user";
    assert_eq!(show(&running, method).await, "SCRAM-SHA-256");
    let greeting = greeting(&running).await;
    assert!(
        greeting.contains("\"version\":\"2.15.1\"") && greeting.contains("\"jetstream\":true"),
        "{greeting}"
    );
    assert!(greeting.contains("\"auth_required\":true"), "{greeting}");
    running.stop().await;
    assert_eq!(left_behind(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn system_servers_serve_and_go_on_with_their_data() {
    let outer = tempfile::tempdir().unwrap();
    let mut options = options(Which::System);
    options.nats = false;
    let directory = DataDir::open(outer.path()).await.unwrap();
    let running = match servers::start(&directory, &options).await {
        Err(error @ (Error::NotFound { .. } | Error::TooOld { .. })) => return println!("skipped: {error}"),
        outcome => outcome.unwrap(),
    };
    servers::check_postgres("EVENT_STORE_URL", &running.postgres_url().unwrap()).await.unwrap();
    execute(&running, "CREATE TABLE note (text text); INSERT INTO note VALUES ('kept')").await;
    running.stop().await;
    let running = servers::start(&directory, &options).await.unwrap();
    assert_eq!(show(&running, "SELECT text FROM note").await, "kept");
    running.stop().await;
}

#[tokio::test]
async fn the_pid_file_of_a_dead_server_is_no_obstacle() {
    let outer = tempfile::tempdir().unwrap();
    let mut options = options(Which::Auto);
    options.nats = false;
    let directory = DataDir::open(outer.path()).await.unwrap();
    servers::start(&directory, &options).await.unwrap().stop().await;
    // Our own process id stands for one that the machine has given to somebody else since.
    let stale = directory.path().join("postgres/pgdata/postmaster.pid");
    std::fs::write(stale, format!("{}\n", std::process::id())).unwrap();
    servers::start(&directory, &options).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_noticed() {
    let outer = tempfile::tempdir().unwrap();
    let mut options = options(Which::Auto);
    options.postgres = false;
    let directory = DataDir::open(outer.path()).await.unwrap();
    let running = servers::start(&directory, &options).await.unwrap();
    let pid = std::fs::read_to_string(directory.path().join("nats/nats-server.pid")).unwrap();
    std::process::Command::new("sh").args(["-c", &format!("kill -s KILL {pid}")]).status().unwrap();
    let failed = tokio::time::timeout(std::time::Duration::from_secs(60), running.failed()).await.unwrap();
    assert_eq!(failed.0, "nats-server");
}
