//! The proof of the log as an operator asks for it.

use std::path::Path;

use sqlx::{Connection, PgConnection};

use crate::process::{Up, directory, fails, taskledger, until};

fn verify(data: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = taskledger();
    command.arg("verify").args(arguments).arg("--data-dir").arg(data);
    command
}

/// The first lines that it prints, or none if it fails.
fn says(data: &Path, arguments: &[&str]) -> Option<String> {
    let output = verify(data, arguments).output().expect("the program runs");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Somebody who has every right in Postgres.
async fn superuser(data: &Path) -> PgConnection {
    let settings = std::fs::read_to_string(data.join("taskledger.env")).unwrap();
    let url = settings.lines().find_map(|line| line.strip_prefix("EVENT_STORE_URL=")).unwrap();
    PgConnection::connect(url.trim_matches('\'')).await.unwrap()
}

async fn harm(data: &Path, sql: &str) {
    sqlx::raw_sql(sql).execute(&mut superuser(data).await).await.unwrap();
}

/// The first and last position of the first block of events for which this holds; which blocks there are depends on how
/// fast events came.
async fn a_block(data: &Path, such: &str) -> (i64, i64) {
    let sql = format!(
        "SELECT first, last FROM event_store.seals WHERE log = 'events' AND {such} ORDER BY first LIMIT 1"
    );
    sqlx::query_as(&sql).fetch_one(&mut superuser(data).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_proves_the_log_and_sees_where_it_was_changed() {
    let data = directory();
    let (data, checkpoint) = (data.path(), data.path().join("checkpoint.ndjson"));
    let up = Up::start_with(data, |command| {
        command.env("SEAL_AFTER", "100ms").arg("--demo");
    });
    let sealed = |words: &Option<String>| {
        words
            .as_ref()
            .is_some_and(|words| words.starts_with("events: ") && words.contains("; 0 not yet sealed"))
    };
    let mut words = None;
    until(|| {
        words = says(data, &[]);
        sealed(&words)
    });
    let words = words.unwrap();
    let lines: Vec<_> = words.lines().collect();
    assert!(lines[0].contains("positions 1 to ") && lines[0].contains("seals.ndjson"), "{words}");
    assert!(lines[1].starts_with("audit: ") && lines[2].starts_with("key "), "{words}");
    let export = ["--export-checkpoint", checkpoint.to_str().unwrap()];
    assert!(says(data, &export).is_some());
    let ended = std::fs::read_to_string(&checkpoint).unwrap();
    assert!(ended.lines().next().unwrap().contains("\"log\":\"events\""), "{ended}");
    // The public key and the checkpoint are enough.
    let key = lines[2].rsplit(' ').next().unwrap();
    let against = ["--against", checkpoint.to_str().unwrap(), "--seal-public-keys", key];
    assert!(says(data, &against).is_some());

    let (first, last) = a_block(data, "first < last").await;
    let forge =
        "UPDATE event_store.events SET metadata = (metadata::jsonb || '{\"transport\":\"grpc\"}')::json";
    harm(data, &format!("{forge} WHERE position = {last}")).await;
    let told = (1, format!("error: events: position {last} is bad: it is not what was sealed"));
    assert_eq!(fails(&mut verify(data, &[])), told);
    let (from, to) = (first.to_string(), first.to_string());
    assert_eq!(fails(&mut verify(data, &["--from", &from, "--to", &to])).0, 1, "of the same block");
    assert!(says(data, &["--of", "audit"]).is_some());
    // Whoever seals at this moment waits for the lock, and then seals nothing on top of what is gone.
    let (_, gone) = a_block(data, "first = 1").await;
    let cut = format!(
        "LOCK TABLE event_store.seals IN ACCESS EXCLUSIVE MODE;
        DELETE FROM event_store.events WHERE position >= {gone}; DELETE FROM event_store.seals WHERE log = 'events';
        ALTER TABLE event_store.seals ADD CHECK (log <> 'events')"
    );
    harm(data, &cut).await;
    let told = (1, format!("error: events: position {gone} is bad: it is missing"));
    assert_eq!(fails(&mut verify(data, &[])), told);
    assert_eq!(fails(&mut verify(data, &["--against", checkpoint.to_str().unwrap()])), told);
    drop(up);
}

#[test]
fn bad_settings_are_one_line() {
    let data = directory();
    for (arguments, words) in [
        (&["--seal-public-keys", "x"][..], "expected an Ed25519 public key"),
        (&["--of", "tasks"], "expected events or audit"),
        (&["--from", "0"], "0 is not in"),
    ] {
        let (code, said) = fails(&mut verify(data.path(), arguments));
        assert!(code == 64 && said.contains(words), "{said}");
    }
    assert_eq!(fails(&mut verify(data.path(), &[])).0, 69);
}
