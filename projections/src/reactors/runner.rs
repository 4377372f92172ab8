//! What keeps a reactor at work: the lease held, the log followed, each batch in one transaction.
//!
//! One process at a time works, by a lease; the checkpoint row, which every transaction locks and compares, is what keeps a
//! second one out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use event_store::{
    Log, LogError, Pressure,
    envelope::Envelope,
    follow::{Checkpoint, FollowError, Follower, Tail},
};
use sqlx::PgConnection;
use tokio::time::{self, Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Begins, ReactError, Reactor, checkpoint::Claim};
use crate::{deliveries, delivery::Delivery};

/// How long the lease lasts, unless a test is in a hurry.
pub const LEASE: Duration = Duration::from_secs(10);
/// Pause after a failure, and while another one works.
const PAUSE: Duration = Duration::from_secs(2);
/// Events in one transaction at most.
const BATCH: usize = 1_000;
/// After a batch the next is gathered for so long: each transaction costs the same whatever it holds, several times as much
/// as the command that it follows. What comes alone does not wait.
const GATHER: Duration = Duration::from_millis(50);
/// Longest time for one of them, and for renewing the lease.
const DEADLINE: Duration = Duration::from_secs(60);
/// A log that holds nothing for us moves the checkpoint no more often than this.
const IDLE: Duration = Duration::from_secs(5);

/// What reactors read from and write to.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Where their tables are, and the deliveries.
    pub delivery: Delivery,
    /// Where the events come from when they do not come from …
    pub log: Log,
    /// … here.
    pub jetstream: async_nats::jetstream::Context,
    /// What the process follows together.
    pub tail: Option<Tail>,
    /// What the work gives way to.
    pub pressure: Pressure,
    /// How long the lease outlives its last renewal: how long the work of a dead process waits.
    pub lease: Duration,
}

/// Why a reactor stands still.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Delivery(#[from] sqlx::Error),
    #[error(transparent)]
    React(#[from] ReactError),
    #[error(transparent)]
    Log(#[from] LogError),
    /// Not to be mended by trying: effects of another log might be repeated, or never come.
    #[error("the log is not the one that was reacted to: {0}")]
    OtherLog(#[from] FollowError),
    #[error("the database takes too long")]
    TooSlow,
    #[error("another process reacts")]
    LeaseLost,
}

/// Reacts until told to stop, whatever fails meanwhile.
pub async fn run(reactor: Arc<dyn Reactor>, sources: Sources, stop: CancellationToken) {
    let name = reactor.name();
    let claim = Claim { reactor: name, owner: Uuid::now_v7(), lease: sources.lease };
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            ended = work(&*reactor, &sources, claim) => match ended {
                Err(error @ Setback::OtherLog(_)) => {
                    tracing::error!(reactor = name, %error, "nothing is sent: see its row in delivery.checkpoints");
                }
                Err(Setback::LeaseLost) => tracing::debug!(reactor = name, "another process reacts"),
                Err(error) => tracing::warn!(reactor = name, %error, "reactions are held up, trying again"),
                Ok(never) => match never {},
            },
        }
        // Told to stop is as good as waited long enough.
        let _ = time::timeout(PAUSE.min(sources.lease), stop.cancelled()).await;
    }
    if let Err(error) = claim.leave(sources.delivery.pool()).await {
        tracing::debug!(reactor = name, %error, "the lease runs out by itself");
    }
}

/// Works for as long as the lease is held.
async fn work(reactor: &dyn Reactor, sources: &Sources, claim: Claim) -> Result<Infallible, Setback> {
    let epoch = sources.log.epoch().await?;
    let beginning = beginning(reactor, &sources.log).await?;
    claim.prepare(sources.delivery.pool(), epoch, beginning).await?;
    let start = claim.take(sources.delivery.pool()).await?.ok_or(Setback::LeaseLost)?;
    let follower = Follower::new(sources.log.clone(), sources.jetstream.clone(), start.checkpoint)
        .expecting_epoch(start.log_epoch);
    let mut follower = match sources.tail.clone() {
        Some(tail) => follower.sharing(tail),
        None => follower,
    };
    let mut renewal = time::interval(sources.lease / 3);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut commands_first = sources.pressure.worker();
    let decides_after = start.decides_after;
    let written = start.checkpoint;
    let mut shift = Shift { reactor, sources, claim, decides_after, written, at: Instant::now() };
    loop {
        tokio::select! {
            biased;
            _ = renewal.tick() => {
                let renewed = claim.take(sources.delivery.pool());
                let held = time::timeout(DEADLINE, renewed).await.map_err(|_| Setback::TooSlow)?;
                held?.ok_or(Setback::LeaseLost)?;
            }
            batch = follower.next_batch(BATCH) => {
                let batch = batch?;
                time::timeout(DEADLINE, shift.handle(&batch)).await.map_err(|_| Setback::TooSlow)??;
                commands_first.wait().await;
                time::sleep(GATHER).await;
            }
        }
    }
}

/// Where a reactor begins that never was.
async fn beginning(reactor: &dyn Reactor, log: &Log) -> Result<Checkpoint, LogError> {
    let last = match reactor.begins() {
        Begins::WithTheLog => None,
        Begins::Now => log.event_at(log.head().await?).await?,
    };
    Ok(last.map_or(Checkpoint::BEGINNING, |last| Checkpoint::at(last.position, last.id)))
}

/// The work since the lease was taken.
struct Shift<'a> {
    reactor: &'a dyn Reactor,
    sources: &'a Sources,
    claim: Claim,
    /// Nothing is sent for what happened up to there.
    decides_after: i64,
    /// The checkpoint as it stands in the table …
    written: Checkpoint,
    /// … since when.
    at: Instant,
}

impl Shift<'_> {
    async fn handle(&mut self, batch: &[Arc<Envelope>]) -> Result<(), Setback> {
        let ours: Vec<_> = batch.iter().filter(|event| self.reactor.concerns(event)).cloned().collect();
        let Some(last) = batch.last() else { return Ok(()) };
        let erased: Vec<Uuid> = batch.iter().filter(|at| erases(at)).map(|at| at.aggregate_id).collect();
        if ours.is_empty() && erased.is_empty() && self.at.elapsed() < IDLE {
            return Ok(());
        }
        let checkpoint = Checkpoint::at(last.position, last.id);
        let mut transaction = self.sources.delivery.pool().begin().await?;
        if !self.claim.lock(&mut transaction, self.written).await? {
            return Err(Setback::LeaseLost);
        }
        let mut decided = self.reactor.react(&mut transaction, &ours).await?;
        decided.retain(|new| new.position > self.decides_after);
        deliveries::insert(&mut transaction, &decided).await?;
        forget(&mut transaction, &erased).await?;
        self.claim.advance(&mut transaction, checkpoint).await?;
        transaction.commit().await?;
        (self.written, self.at) = (checkpoint, Instant::now());
        self.reactor.committed(&self.sources.jetstream.client()).await;
        Ok(())
    }
}

/// Whether the event means that what was for somebody is to go.
fn erases(at: &Envelope) -> bool {
    at.event_type == "user.erased"
}

/// Everybody who passes the event forgets the person: the last one leaves nothing behind that others have made meanwhile.
async fn forget(tables: &mut PgConnection, people: &[Uuid]) -> sqlx::Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    sqlx::query("SELECT forget_people($1)").bind(people).execute(tables).await.map(drop)
}
