//! One INSERT per transaction by pgbench, the reference of every durable write.

use std::path::Path;

use hdrhistogram::Histogram;
use tokio::process::Command;

use crate::{Failure, load};

const SCRIPT: &str = "INSERT INTO pgbench_events VALUES ('task', gen_random_uuid()::text, 1, 'TaskCreated', '1', :payload, '{}');\n";

/// Transactions per second with this many clients.
pub(crate) async fn inserts_per_second(
    program: &Path,
    url: &str,
    clients: usize,
    seconds: u64,
) -> Result<f64, Failure> {
    let said = run(program, url, &["-c", &clients.to_string(), "-T", &seconds.to_string()]).await?;
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or(Failure::Pgbench(said))
}

/// Microseconds that each of the INSERTs of one client took which has so many to send per second.
pub(crate) async fn paced_inserts(
    program: &Path,
    url: &str,
    per_second: u64,
    seconds: u64,
) -> Result<Histogram<u64>, Failure> {
    let logs = tempfile::tempdir()?;
    let prefix = logs.path().join("log");
    let (rate, seconds) = (per_second.to_string(), seconds.to_string());
    let prefix = format!("--log-prefix={}", prefix.display());
    run(program, url, &["-c", "1", "-R", &rate, "-T", &seconds, "-l", &prefix]).await?;
    let mut took = load::histogram();
    for log in std::fs::read_dir(logs.path())? {
        for line in std::fs::read_to_string(log?.path())?.lines() {
            // Of the columns the third says how long it took since it was due, the last how late it was begun.
            let columns: Vec<u64> = line.split(' ').filter_map(|column| column.parse().ok()).collect();
            if let [_, _, since_due, .., late] = columns[..] {
                took.saturating_record(since_due.saturating_sub(late));
            }
        }
    }
    if took.is_empty() { Err(Failure::Pgbench("it logged nothing".to_owned())) } else { Ok(took) }
}

async fn run(program: &Path, url: &str, arguments: &[&str]) -> Result<String, Failure> {
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(script.path(), SCRIPT)?;
    let payload = super::body(1);
    let output = Command::new(program)
        .args(["-n", "-M", "prepared", "-j", "2"])
        .args(arguments)
        .arg("-D")
        .arg(format!("payload={payload}"))
        .arg("-f")
        .arg(script.path())
        .arg(url)
        .output()
        .await?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Pgbench(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
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
