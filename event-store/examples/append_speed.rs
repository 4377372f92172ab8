//! Prints what an append costs inside Postgres, in microseconds per command, with 1, 8 and 64 callers (which share
//! batches as they come), in batches that are always full, and with and without receipt: `cargo run --release -p event-store --example append_speed -- URL`, where URL is an empty database
//! of which the login is superuser.

#![expect(clippy::print_stdout, reason = "a table of figures is what it is for")]

use std::{sync::Arc, time::Instant};

use domain::ids::EventId;
use event_store::{
    AggregateRef, Appender, AppenderConfig, Class, NewEvent, Outcome, Receipt, Role, StreamAppend, Unit,
};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const COMMANDS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::args().nth(1).ok_or("usage: append_speed URL")?;
    event_store::migrate(&url).await?;
    let mut statistics = PgConnection::connect(&url).await?;
    let track = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_functions = pl', current_database()); END $$";
    sqlx::query(track).execute(&mut statistics).await?;
    println!("callers batch<= receipt units/batch postgres-us/command commands/s");
    for receipt in [false, true] {
        for (callers, batch) in [(1, 1), (16, 8), (128, 64), (8, 256), (64, 256)] {
            measure(&url, &mut statistics, callers, batch, receipt).await?;
        }
    }
    Ok(())
}

async fn measure(
    url: &str,
    statistics: &mut PgConnection,
    callers: usize,
    batch: usize,
    receipt: bool,
) -> Result<(), Failure> {
    let mut config = AppenderConfig::new(event_store::connect_options(url, Role::Command)?);
    config.batch_units = batch;
    let shutdown = CancellationToken::new();
    let appender = Appender::spawn(config, shutdown.clone());
    let before = spent(statistics).await?;
    let start = Instant::now();
    let commands = run(&appender, callers, receipt).await? as f64;
    let rate = commands / start.elapsed().as_secs_f64();
    shutdown.cancel();
    appender.stopped().await; // the statistics of a connection are complete when it has ended
    let after = spent(statistics).await?;
    let (batches, micros) = (after.0 - before.0, (after.1 - before.1) * 1000.0);
    println!(
        "{callers:>7} {batch:>7} {receipt:>7} {:>11.1} {:>19.1} {rate:>10.0}",
        commands / batches,
        micros / commands
    );
    Ok(())
}

/// Every caller appends one unit after another; returns how many they were.
async fn run(appender: &Appender, callers: usize, receipt: bool) -> Result<usize, Failure> {
    let rounds = COMMANDS / callers;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let appender = appender.clone();
        running.spawn(async move {
            for _ in 0..rounds {
                let Outcome::Appended { .. } = appender.append(unit(receipt)).await? else {
                    return Err("refused".into());
                };
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(rounds * callers)
}

fn unit(receipt: bool) -> Unit {
    let id = Uuid::now_v7();
    let text = "Something that somebody wrote about a task, of the usual length. ".repeat(4);
    let event = NewEvent {
        id: EventId(Uuid::now_v7()),
        event_type: "task.created".into(),
        event_version: "1".into(),
        payload: format!(r#"{{"key":"T-1","title":"A title","description":"{text}"}}"#),
        metadata: Arc::from(format!(
            r#"{{"actor_type":"user","actor_id":"{id}","request_id":"{id}","correlation_id":"{id}","transport":"http","occurred_at":"2026-11-21T05:00:00.000000Z"}}"#
        )),
    };
    let stream = StreamAppend {
        aggregate: AggregateRef { kind: "task", id },
        expected: 0,
        events: vec![event],
        snapshot: None,
    };
    let receipt = receipt.then(|| Receipt {
        principal: format!("user:{id}"),
        key: id.to_string(),
        class: Class::Day,
        fingerprint: [7; 32],
        status: 201,
        body: format!(r#"{{"id":"{id}","version":1}}"#),
        etag: Some("\"1\"".into()),
        location: Some(format!("/v1/tasks/{id}")),
    });
    Unit { id: Uuid::now_v7(), streams: vec![stream], receipt, ..Unit::default() }
}

/// Calls of the function so far, and milliseconds in them.
async fn spent(connection: &mut PgConnection) -> Result<(f64, f64), sqlx::Error> {
    const SQL: &str = "SELECT coalesce(sum(calls), 0)::float8, coalesce(sum(total_time), 0) \
         FROM pg_stat_user_functions WHERE funcname = 'append'";
    sqlx::query_as(SQL).fetch_one(connection).await
}
