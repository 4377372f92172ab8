//! One INSERT per transaction by pgbench, the reference of every durable write.

use std::path::Path;

use tokio::process::Command;

use crate::Failure;

const SCRIPT: &str = "INSERT INTO pgbench_events VALUES ('task', gen_random_uuid()::text, 1, 'TaskCreated', '1', :payload, '{}');\n";

/// Transactions per second with this many clients.
pub(crate) async fn inserts_per_second(
    program: &Path,
    url: &str,
    clients: usize,
    seconds: u64,
) -> Result<f64, Failure> {
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(script.path(), SCRIPT)?;
    let payload = super::body(1);
    let output = Command::new(program)
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &seconds.to_string()])
        .arg("-D")
        .arg(format!("payload={payload}"))
        .arg("-f")
        .arg(script.path())
        .arg(url)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .ok_or_else(|| Failure::Pgbench(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Creates the table that the script writes to.
pub(crate) async fn prepare(url: &str) -> Result<(), Failure> {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(url).await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS pgbench_events (aggregate_type text, aggregate_id text, sequence bigint, event_type text NOT NULL,
         event_version text NOT NULL, payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))",
    )
    .execute(&mut connection)
    .await?;
    Ok(())
}
