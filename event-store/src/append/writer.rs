//! The one task that writes: gathers what waits, sends it, sends it again until answered. While Postgres writes one batch,
//! the next may already stand in line for the head of the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions, PgConnection, postgres::PgDatabaseError};
use tokio::{
    sync::mpsc::Receiver,
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{AppendError, AppenderConfig, OVERLOADED, Waiting, batch::Batch};
use crate::Outcome;

/// A connection that was cut without a word must not cost the whole deadline.
const ATTEMPTS_PER_DEADLINE: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// After a batch of a few units the next one leaves so long after it at the earliest: a call costs as much as several units
/// do. Who comes alone never waits, and many make a good batch anyway.
const PACE: Duration = Duration::from_millis(1);
const FEW: std::ops::Range<usize> = 2..16;

/// With so many units a batch leaves although another is under way: Postgres turns to it as soon as it has written the
/// other. Fewer had better wait and become more.
const MANY: usize = 24;
/// Batches under way at most.
const WAYS: usize = 2;

/// Gathers what waits and sends it off.
pub(super) struct Writer {
    config: Arc<AppenderConfig>,
    units: Receiver<Waiting>,
    /// What no longer fitted into the last batch.
    carried: Option<Waiting>,
    idle: Vec<Way>,
    under_way: JoinSet<Way>,
    /// Units of the batches under way.
    sent: Arc<AtomicUsize>,
}

/// A connection of its own, and what it takes to get an answer on it.
struct Way {
    config: Arc<AppenderConfig>,
    connection: Option<PgConnection>,
}

/// Units that leave together.
struct Gathered {
    units: Vec<Waiting>,
    bytes: usize,
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

impl Writer {
    pub(super) fn new(config: AppenderConfig, units: Receiver<Waiting>) -> Self {
        Self {
            config: Arc::new(config),
            units,
            carried: None,
            idle: Vec::new(),
            under_way: JoinSet::new(),
            sent: Arc::default(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut due = Instant::now();
        while let Some(first) = self.next(&shutdown).await {
            // Callers just answered run first: what they append next goes into this batch, not after it.
            tokio::task::yield_now().await;
            if Instant::now() < due {
                sleep_until(due).await;
            }
            let mut batch = Gathered { bytes: first.bytes, units: vec![first] };
            let mut way = self.way(&mut batch).await;
            let batch = batch.units;
            due = Instant::now() + if FEW.contains(&batch.len()) { PACE } else { Duration::ZERO };
            let (count, sent) = (batch.len(), Arc::clone(&self.sent));
            self.config.pressure.batch(count + sent.fetch_add(count, Ordering::Relaxed));
            self.under_way.spawn(async move {
                way.write(batch).await;
                sent.fetch_sub(count, Ordering::Relaxed);
                way
            });
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.idle.extend(ended);
        }
        for way in self.idle {
            way.close().await;
        }
    }

    /// The next unit to write; none when the queue is closed and empty.
    async fn next(&mut self, shutdown: &CancellationToken) -> Option<Waiting> {
        if let Some(waiting) = self.carried.take() {
            return Some(waiting);
        }
        tokio::select! {
            biased;
            waiting = self.units.recv() => waiting,
            () = shutdown.cancelled() => {
                self.units.close();
                self.units.recv().await
            }
        }
    }

    /// A way to send the batch; until there is one, and the batch is worth it, it grows.
    async fn way(&mut self, batch: &mut Gathered) -> Way {
        loop {
            while let Some(ended) = self.under_way.try_join_next() {
                self.idle.extend(ended);
            }
            while self.has_room(batch)
                && let Ok(unit) = self.units.try_recv()
            {
                self.add(batch, unit);
            }
            let many = batch.units.len() >= MANY || !self.has_room(batch);
            if self.under_way.is_empty() || (many && self.under_way.len() < WAYS) {
                let fresh = || Way { config: Arc::clone(&self.config), connection: None };
                return self.idle.pop().unwrap_or_else(fresh);
            }
            let has_room = self.has_room(batch);
            tokio::select! {
                biased;
                Some(ended) = self.under_way.join_next() => self.idle.extend(ended),
                Some(unit) = self.units.recv(), if has_room => self.add(batch, unit),
            }
        }
    }

    fn has_room(&self, batch: &Gathered) -> bool {
        self.carried.is_none() && batch.units.len() < self.config.batch_units
    }

    /// Up to the bounds of a batch; what no longer fits is carried to the next.
    fn add(&mut self, batch: &mut Gathered, unit: Waiting) {
        if batch.bytes + unit.bytes > self.config.batch_bytes {
            self.carried = Some(unit);
        } else {
            batch.bytes += unit.bytes;
            batch.units.push(unit);
        }
    }
}

impl Way {
    /// Writes and answers; a batch refused for what one unit holds is halved until that unit stands, and fails, alone.
    async fn write(&mut self, batch: Vec<Waiting>) {
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

    async fn close(self) {
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
