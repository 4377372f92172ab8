//! The writing half: units go into the log in batches, one call of `event_store.append` each.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{Outcome, Pressure, Unit};

mod batch;
mod columns;
mod size;
mod way;
mod writer;

use size::{Budget, Reservation};
use writer::Writer;

/// How much the appender holds and how long it waits.
#[derive(Clone, Debug)]
pub struct AppenderConfig {
    /// Where the log is: [`crate::connect_options`] with [`crate::Role::Command`].
    pub connect: PgConnectOptions,
    /// Units written together at most.
    pub batch_units: usize,
    /// Bytes of units written together at most; one unit may be as large, not larger.
    pub batch_bytes: usize,
    /// Units waiting at most.
    pub queue_units: usize,
    /// Bytes of units waiting or in flight at most.
    pub queue_bytes: usize,
    /// Payload and metadata of one event at most, in bytes (the envelope's bound).
    pub event_bytes: usize,
    /// How long a caller waits for a place in the queue.
    pub enqueue_wait: Duration,
    /// How long a batch is sent again before its outcome is called unknown; also how long a unit may wait unsent.
    pub deadline: Duration,
    /// Told how much is written at once.
    pub pressure: Pressure,
}

impl AppenderConfig {
    /// Bounds that suit one service: some 40 MiB of waiting work at most.
    pub fn new(connect: PgConnectOptions) -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connect,
            batch_units: 256,
            batch_bytes: 8 * MIB,
            queue_units: 4096,
            queue_bytes: 40 * MIB,
            event_bytes: 512 * 1024,
            enqueue_wait: Duration::from_millis(500),
            deadline: Duration::from_secs(10),
            pressure: Pressure::default(),
        }
    }
}

/// A unit was not answered with an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Certainly not written: too much is waiting, the log is away, or the appender is stopping.
    #[error("the log takes no more work now")]
    Overloaded {
        /// When to come back.
        retry_after: Duration,
    },
    /// Sent, and not answered before the deadline: it may or may not be written.
    #[error("the log did not say whether it wrote the unit")]
    OutcomeUnknown,
    /// Certainly not written: larger than any batch may be.
    #[error("the unit is too large")]
    TooLarge,
    /// Certainly not written: the unit contradicts itself or holds what Postgres cannot store. A fault of the caller.
    #[error("the log refuses the unit: {0}")]
    Malformed(String),
}

/// When to come back after [`AppendError::Overloaded`].
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) const OVERLOADED: AppendError = AppendError::Overloaded { retry_after: RETRY_AFTER };

/// What a caller is told.
type Answer = Result<Outcome, AppendError>;

/// A unit on its way, with the place it takes and where its answer goes.
struct Waiting {
    unit: Unit,
    bytes: usize,
    since: tokio::time::Instant,
    answer: oneshot::Sender<Answer>,
    _place: Reservation,
}

/// Appends units as they come, those that wait together in one batch (group commit, no timer). Of units under way at the
/// same time either may be first in the log: who depends on another awaits its outcome. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Appender {
    queue: mpsc::Sender<Waiting>,
    budget: Budget,
    limits: Limits,
    stopped: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    unit: usize,
    event: usize,
    wait: Duration,
}

impl Appender {
    /// Starts the writer: one task with connections of its own, which it makes when there is something to write. After
    /// `shutdown` it takes no more units and writes those it has.
    pub fn spawn(config: AppenderConfig, shutdown: CancellationToken) -> Self {
        let (queue, units) = mpsc::channel(config.queue_units);
        let appender = Self {
            queue,
            budget: Budget::new(config.queue_bytes.max(config.batch_bytes)),
            limits: Limits { unit: config.batch_bytes, event: config.event_bytes, wait: config.enqueue_wait },
            stopped: CancellationToken::new(),
        };
        let stopped = appender.stopped.clone().drop_guard();
        tokio::spawn(async move {
            Writer::new(config, units).run(shutdown).await;
            drop(stopped);
        });
        appender
    }

    /// Appends one unit and waits for its outcome. Dropping the future after the unit was queued changes nothing: it is
    /// written all the same.
    pub async fn append(&self, unit: Unit) -> Answer {
        let bytes = size::check(&unit, self.limits.event, self.limits.unit)?;
        let (place, slot) = self.place(bytes).await.ok_or(OVERLOADED)?;
        let (answer, answered) = oneshot::channel();
        let since = tokio::time::Instant::now();
        slot.send(Waiting { unit, bytes, since, answer, _place: place });
        // Only a writer that panicked drops the sender; the unit may have been sent.
        answered.await.unwrap_or(Err(AppendError::OutcomeUnknown))
    }

    /// A place in the queue: at once if there is one, so that only a full queue makes callers wait or go.
    async fn place(&self, bytes: usize) -> Option<(Reservation, mpsc::Permit<'_, Waiting>)> {
        if let Some(place) = self.budget.try_reserve(bytes)
            && let Ok(slot) = self.queue.try_reserve()
        {
            return Some((place, slot));
        }
        let wait = async {
            let place = self.budget.reserve(bytes).await?;
            Some((place, self.queue.reserve().await.ok()?))
        };
        tokio::time::timeout(self.limits.wait, wait).await.ok().flatten()
    }

    /// Returns once the writer has ended: everything it took is answered.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }
}
