//! Databases of the shared Postgres: cloned for a test, dropped after it.

use std::sync::OnceLock;

use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};

use super::Template;
use super::run::{Address, directory, lock_async, postgres_address};

/// A database of its own for a test; dropped, with all connections to it, when this is.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// The owner's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(statements) = STATEMENTS.get() {
            let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let (done, _) = oneshot::channel();
            // With a full queue it is left to the end of the run.
            drop(statements.try_send(Statement { sql, done }));
        }
    }
}

/// Clones the template, which is migrated first if nobody in this run did.
pub async fn database(template: &Template) -> TestDatabase {
    let address = postgres_address().await;
    let source = prepare(address, template).await;
    let name = format!("test_{:016x}", rand::random::<u64>());
    execute(address, format!("CREATE DATABASE {name} TEMPLATE {source}")).await;
    TestDatabase { url: address.postgres_url(&name), name }
}

/// The template's database; one at a time, as migrations create roles, which all databases share.
async fn prepare(address: &Address, template: &Template) -> String {
    let name = format!("template_{}", template.name);
    let done = directory().join(format!("{name}.{}.done", address.port));
    if done.exists() {
        return name;
    }
    let _alone = lock_async("template").await;
    if !done.exists() {
        execute(address, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        execute(address, format!("CREATE DATABASE {name}")).await;
        template.migrate(address.postgres_url(&name)).await;
        // Connections that the migration left open would be in the way of every clone.
        execute(address, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let sql =
            format!("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'");
        execute(address, sql).await;
        std::fs::write(&done, "").expect("the run's directory is writable");
    }
    name
}

struct Statement {
    sql: String,
    done: oneshot::Sender<Result<(), sqlx::Error>>,
}

static STATEMENTS: OnceLock<mpsc::Sender<Statement>> = OnceLock::new();

async fn execute(address: &Address, sql: String) {
    let statements = STATEMENTS.get_or_init(|| administrator(address.postgres_url("postgres")));
    let (done, outcome) = oneshot::channel();
    let text = sql.clone();
    statements.send(Statement { sql, done }).await.expect("the administrator lives as long as the process");
    let outcome = outcome.await.expect("the administrator answers");
    outcome.unwrap_or_else(|error| panic!("{text}: {error}"));
}

/// One connection on a thread of its own: it outlives the runtimes of the tests.
fn administrator(url: String) -> mpsc::Sender<Statement> {
    let (sender, mut statements) = mpsc::channel::<Statement>(1024);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&url).await.expect("the shared Postgres lets us in");
            while let Some(Statement { sql, done }) = statements.recv().await {
                let outcome = sqlx::raw_sql(&sql).execute(&mut connection).await;
                drop(done.send(outcome.map(drop)));
            }
        });
    });
    sender
}
