//! One way to Postgres: a batch is sent, and sent again until it is answered.

use std::{sync::Arc, time::Duration};

use sqlx::{ConnectOptions, PgConnection, postgres::PgDatabaseError};
use tokio::time::{Instant, timeout, timeout_at};

use super::{AppendError, AppenderConfig, OVERLOADED, Waiting, batch::Batch};
use crate::Outcome;

/// A connection that was cut without a word must not cost the whole deadline.
const ATTEMPTS_PER_DEADLINE: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A connection of its own, and what it takes to get an answer on it.
pub(super) struct Way {
    config: Arc<AppenderConfig>,
    connection: Option<PgConnection>,
}

/// Why a batch has no outcomes.
enum Failure {
    /// Surely not written.
    NotWritten,
    /// Perhaps written.
    Unknown,
    /// Refused for what it holds.
    Refused(String),
}

/// Why one sending failed.
enum Sending {
    /// Postgres answered with an error: this sending wrote nothing.
    Failed(sqlx::Error),
    /// No answer: this sending may yet be written.
    Lost(sqlx::Error),
    /// Postgres refuses what the batch holds.
    Refused(String),
    /// The partition for today's receipts is missing.
    NoPartition,
}

impl Way {
    pub(super) fn new(config: Arc<AppenderConfig>) -> Self {
        Self { config, connection: None }
    }

    /// Writes and answers; a batch refused for what one unit holds is halved until that unit stands, and fails, alone.
    pub(super) async fn write(&mut self, batch: Vec<Waiting>) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let mut part = self.in_time(part);
            if part.is_empty() {
                continue;
            }
            match self.send(&part).await {
                Ok(outcomes) => {
                    for (waiting, outcome) in part.into_iter().zip(outcomes) {
                        answer(waiting, Ok(outcome));
                    }
                }
                Err(Failure::NotWritten) => refuse(part, &OVERLOADED),
                Err(Failure::Unknown) => refuse(part, &AppendError::OutcomeUnknown),
                Err(Failure::Refused(reason)) if part.len() == 1 => {
                    refuse(part, &AppendError::Malformed(reason));
                }
                Err(Failure::Refused(_)) => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
            }
        }
    }

    /// Refuses the units that have waited too long without being sent; returns the others.
    fn in_time(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let now = Instant::now();
        let (batch, late): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|waiting| now.duration_since(waiting.since) < self.config.deadline);
        refuse(late, &OVERLOADED);
        batch
    }

    /// Sends the same batch until it is answered or the deadline passes. A sending whose answer was lost may be
    /// committed later, even after a look into the log has found nothing: only the answer to a repetition, which
    /// queues behind it, tells.
    async fn send(&mut self, batch: &[Waiting]) -> Result<Vec<Outcome>, Failure> {
        let deadline = Instant::now() + self.config.deadline;
        let columns = Batch::of(batch.iter().map(|waiting| &waiting.unit));
        let mut lost = false;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.send_once(&columns, deadline).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(Sending::Refused(reason)) => return Err(Failure::Refused(reason)),
                Err(Sending::NoPartition) => self.make_partitions().await,
                Err(Sending::Failed(error)) => report(&error, batch.len()),
                Err(Sending::Lost(error)) => {
                    lost = true;
                    self.connection = None;
                    report(&error, batch.len());
                }
            }
            if Instant::now() + pause >= deadline {
                return Err(if lost { Failure::Unknown } else { Failure::NotWritten });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn send_once(&mut self, batch: &Batch<'_>, deadline: Instant) -> Result<Vec<Outcome>, Sending> {
        let patience = (Instant::now() + self.config.deadline / ATTEMPTS_PER_DEADLINE).min(deadline);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let connected = timeout_at(patience, self.config.connect.connect()).await;
                let connected = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut));
                self.connection.insert(connected.map_err(Sending::Failed)?)
            }
        };
        match timeout_at(patience, batch.send(connection)).await {
            Ok(Ok(outcomes)) => Ok(outcomes),
            Ok(Err(error)) => Err(classify(error)),
            Err(_) => Err(Sending::Lost(sqlx::Error::PoolTimedOut)),
        }
    }

    async fn make_partitions(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let made = sqlx::query("SELECT event_store.maintain_receipts()").execute(connection);
        match timeout(Duration::from_secs(1), made).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the partitions for receipts cannot be made"),
            Err(_) => self.connection = None,
        }
    }

    pub(super) async fn close(self) {
        use sqlx::Connection as _;
        if let Some(connection) = self.connection {
            let _closed = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }
}

/// Tells what an error says about the batch.
fn classify(error: sqlx::Error) -> Sending {
    let Some(database) =
        error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
    else {
        return Sending::Lost(error);
    };
    match database.code() {
        // check_violation without a constraint's name: no partition takes the row
        "23514" if database.constraint().is_none() => Sending::NoPartition,
        code if code.starts_with("22") || code.starts_with("23") => {
            Sending::Refused(database.message().to_owned())
        }
        // the backend was told to go, perhaps after its COMMIT
        code if code.starts_with("57P") => Sending::Lost(error),
        _ => Sending::Failed(error),
    }
}

fn report(error: &sqlx::Error, units: usize) {
    tracing::warn!(%error, units, "an append was not answered; sending it again");
}

fn refuse(batch: Vec<Waiting>, error: &AppendError) {
    for waiting in batch {
        answer(waiting, Err(error.clone()));
    }
}

/// The caller may be gone; the unit is written all the same.
fn answer(waiting: Waiting, result: Result<Outcome, AppendError>) {
    let _gone = waiting.answer.send(result);
}
