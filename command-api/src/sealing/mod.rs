//! The sealer: seals the log and the audit log behind the append, and carries every seal out of the database.
//!
//! One of all replicas at a time holds a lease, which only saves work: a seal has one place in the table, and who comes second
//! seals nothing. Whoever has a seal file keeps it complete, sealer or not. An idle log is looked at and nothing is written.

mod args;
mod status;

use std::{path::PathBuf, time::Duration};

use async_nats::Client;
use event_store::{
    GivingWay, Pressure,
    lease::Lease,
    seals::{
        FileError, KeyRing, Ledger, Pace, SUBJECT, SealFile, SealKey, Sealing, SealingError, SignedSeal,
    },
};
use service::metrics::Metrics;
use sqlx::PgPool;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub use args::SealArgs;

use status::StatusBoard;

/// The name of the sealer's lease.
const LEASE: &str = "log-sealer";
/// How long after a crash another sealer takes over.
const LEASE_DURATION: Duration = Duration::from_secs(10);
/// How often it is asked whether a block is due.
const POLL: Duration = Duration::from_secs(2);
/// NATS may be away; whoever needs every seal reads the table or the file.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(1);

/// Why sealing does not go on.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Sealing(#[from] SealingError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the sealer's lease cannot be asked for: {0}")]
    Lease(#[from] sqlx::Error),
}

impl Setback {
    /// Is the log not what it was, or is only something away?
    fn is_alarm(&self) -> bool {
        match self {
            Self::Sealing(SealingError::Last(_) | SealingError::Damaged { .. }) => true,
            Self::Sealing(SealingError::Database(_) | SealingError::Json(_)) | Self::Lease(_) => false,
            Self::File(error) => error.is_alarm(),
        }
    }
}

/// A sealer that can run; several may run on one log.
#[derive(Debug)]
pub struct LogSealer {
    sealing: Sealing,
    lease: Lease,
    file: Option<SealFile>,
    nats: Option<Client>,
    poll: Duration,
    commands_first: GivingWay,
    status: StatusBoard,
}

impl LogSealer {
    /// Seals the log behind this pool (role `taskledger_command`) with this key; `ring` has it and those of before.
    pub fn new(pool: PgPool, key: SealKey, ring: KeyRing, pace: Pace) -> Self {
        Self {
            lease: Lease::new(pool.clone(), LEASE, LEASE_DURATION),
            sealing: Sealing::new(pool, key, ring, pace),
            file: None,
            nats: None,
            poll: POLL.min(pace.after.max(Duration::from_millis(10))),
            commands_first: Pressure::default().worker(),
            status: StatusBoard::default(),
        }
    }

    /// Keeps all seals in this file too, if there is one.
    #[must_use]
    pub fn keeping(self, file: Option<PathBuf>) -> Self {
        Self { file: file.map(SealFile::new), ..self }
    }

    /// Publishes its seals on core NATS.
    #[must_use]
    pub fn publishing(self, nats: Client) -> Self {
        Self { nats: Some(nats), ..self }
    }

    /// Gives way to the commands of this process.
    #[must_use]
    pub fn giving_way(self, pressure: &Pressure) -> Self {
        Self { commands_first: pressure.worker(), ..self }
    }

    /// Shows how far both logs are sealed as `taskledger_seals_*`.
    #[must_use]
    pub fn metered(self, metrics: &Metrics) -> Self {
        self.status.register(metrics);
        self
    }

    /// Runs until `stop`. It may end at any point of its work: whoever comes next goes on.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut timer = time::interval(self.poll);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = async { timer.tick().await; self.look().await } => {}
            }
        }
        if let Ok(Err(error)) = time::timeout(LEASE_DURATION, self.lease.release()).await {
            tracing::warn!(%error, "the sealer's lease could not be given back");
        }
    }

    async fn look(&mut self) {
        for ledger in Ledger::ALL {
            let outcome = self.catch_up(ledger).await;
            self.status.note(ledger, &outcome);
        }
    }

    /// Seals what is due, block by block; before each the file gets what it lacks.
    async fn catch_up(&mut self, ledger: Ledger) -> Result<(), Setback> {
        loop {
            let standing = self.sealing.standing(ledger).await?;
            self.status.stands(ledger, &standing);
            self.complete_file(ledger, standing.number()).await?;
            let mine = standing.is_due() && !self.commands_first.is_due();
            if !mine || self.lease.acquire().await?.is_none() {
                return Ok(());
            }
            // None: somebody else was first.
            let Some(seal) = self.sealing.seal_after(ledger, &standing).await? else { return Ok(()) };
            self.publish(&seal).await;
        }
    }

    /// A file that cannot be written now is completed later. One that has other seals than the table says that the log was
    /// changed: nothing is sealed on top of that.
    async fn complete_file(&mut self, ledger: Ledger, number: i64) -> Result<(), FileError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.number(ledger) == Some(number) {
            return Ok(());
        }
        let (pool, ring) = self.sealing.trust();
        match file.complete(pool, ring, ledger).await {
            Err(error) if !error.is_alarm() => {
                tracing::warn!(%error, "seals are not kept outside the database");
                Ok(())
            }
            completed => completed,
        }
    }

    async fn publish(&self, seal: &SignedSeal) {
        let Some(nats) = &self.nats else { return };
        let publishing = nats.publish(SUBJECT, seal.line().to_owned().into());
        if !matches!(time::timeout(PUBLISH_PATIENCE, publishing).await, Ok(Ok(()))) {
            tracing::debug!(number = seal.seal.number, "a seal was not published");
        }
    }
}
