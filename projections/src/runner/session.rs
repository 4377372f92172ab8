//! One stretch of work on one version: lanes held, the log followed, batches handled, until something ends it.

use std::{sync::Arc, time::Duration};

use event_store::{
    envelope::Envelope,
    follow::{FollowError, Follower},
};
use sqlx::PgConnection;
use tokio::{
    sync::{mpsc, watch},
    time,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use super::{
    batch::{BatchError, Handled, handle},
    lanes::Leases,
    passed::Passed,
    progress::Progress,
    supervisor::{Pace, Sources},
};
use crate::{live::Live, projector::Projector};

/// Batches read ahead while one is being written.
const READ_AHEAD: usize = 1;

/// So many events in a batch say that more are coming than small transactions keep up with: each costs the same whatever it
/// holds, so they are gathered for so long at least. Not for longer than they need: somebody waits for the rows.
const GATHER: [(usize, Duration); 2] = [(64, Duration::from_millis(15)), (32, Duration::from_millis(8))];

/// Rows and checkpoint reach the disk together and in order, but a batch need not wait for it: what a crash of Postgres
/// takes away is folded again.
const LATER: &str = "SET synchronous_commit = off";

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Told to.
    Cancelled,
    /// Too much is parked.
    Stopped,
    /// Lanes were lost or the version is no longer live: look again.
    LeaseLost,
    /// The log is another one than the rows were made from.
    OtherLog(FollowError),
}

/// What a session works with.
pub(super) struct Session<'a> {
    pub(super) projector: &'a dyn Projector,
    pub(super) sources: &'a Sources,
    pub(super) pace: &'a Pace,
    pub(super) version: i32,
    /// Epoch of the log that the rows were made from.
    pub(super) log_epoch: Uuid,
    pub(super) told: &'a watch::Sender<Progress>,
    pub(super) stop: &'a CancellationToken,
}

impl Session<'_> {
    /// Works until the end; leases are given back unless the database is away.
    pub(super) async fn run(&self, owner: Uuid) -> Result<Ended, BatchError> {
        let mut tables = self.sources.read_model.tables(self.version).await?;
        sqlx::query(LATER).execute(&mut tables).await?;
        let name = self.projector.projection().name;
        let mut leases = Leases::none(name, self.version, owner, self.pace.lease);
        let ended = self.work(&mut tables, &mut leases).await?;
        if !matches!(ended, Ended::LeaseLost) {
            leases.leave(&mut tables).await?;
        }
        Ok(ended)
    }

    async fn work(&self, tables: &mut PgConnection, leases: &mut Leases) -> Result<Ended, BatchError> {
        let mut tend = time::interval(self.pace.lease / 3);
        tend.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut source: Option<Source> = None;
        let mut own: Option<Box<dyn Projector>> = None;
        let mut passed = Passed::default();
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(Ended::Cancelled),
                _ = tend.tick() => {
                    if let Some(ended) = self.overtaken(tables).await? {
                        return Ok(ended);
                    }
                    if leases.tend(tables).await? {
                        passed = Passed::default();
                        own = self.projector.following();
                        source = Some(self.follow(tables, leases).await?);
                    } else if leases.is_empty() && let Some(ended) = self.overtaken(tables).await? {
                        // A switch held the lanes just now: not to be found out a tick later.
                        return Ok(ended);
                    }
                }
                batch = next(&mut source), if !leases.is_empty() => {
                    let events = match batch {
                        Ok(events) => events,
                        Err(error) => return Ok(Ended::OtherLog(error)),
                    };
                    if leases.are_all() && self.passes_by(&events) && passed.room(self.pace.batch) > events.len() {
                        // Nothing changes up to there, whatever the table says.
                        self.tell_all(&events);
                        passed.add(events);
                    } else {
                        let (events, projector) = (passed.take_with(events), own.as_deref());
                        if let Some(ended) = self.batch(tables, leases, projector, &events).await? {
                            return Ok(ended);
                        }
                    }
                }
                events = passed.overdue() => {
                    if let Some(ended) = self.batch(tables, leases, own.as_deref(), &events).await? {
                        return Ok(ended);
                    }
                }
            }
        }
    }

    fn passes_by(&self, events: &[Arc<Envelope>]) -> bool {
        !events.iter().any(|event| self.projector.folds().includes(event))
    }

    /// Handles a batch and tells of it; why the session ends if it must.
    async fn batch(
        &self,
        tables: &mut PgConnection,
        leases: &Leases,
        own: Option<&dyn Projector>,
        events: &[Arc<Envelope>],
    ) -> Result<Option<Ended>, BatchError> {
        let projector = own.unwrap_or(self.projector);
        let handling = time::timeout(self.pace.deadline, handle(tables, projector, leases, events));
        match handling.await.unwrap_or(Err(BatchError::TooSlow)) {
            Ok(Handled::All) if leases.are_all() => self.tell_all(events),
            Ok(Handled::All) => self.tell(leases.lowest(tables).await?),
            Ok(Handled::Stopped(_)) => return Ok(Some(Ended::Stopped)),
            Err(BatchError::LeaseLost) => return Ok(Some(Ended::LeaseLost)),
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Another version took the place of this one, or another worker stopped the projection.
    async fn overtaken(&self, tables: &mut PgConnection) -> sqlx::Result<Option<Ended>> {
        let live = Live::of(&mut *tables, self.projector.projection()).await?;
        Ok(match live {
            Some(live) if live.version == self.version => live.is_stopped().then_some(Ended::Stopped),
            _ => Some(Ended::LeaseLost),
        })
    }

    /// The lowest lane is one's own when one holds them all.
    fn tell_all(&self, events: &[Arc<Envelope>]) {
        if let Some(last) = events.last() {
            self.tell(last.position);
        }
    }

    fn tell(&self, position: i64) {
        self.told.send_replace(Progress { version: self.version, position });
    }

    /// Reads from the lowest lane on; lanes that are ahead drop what they know.
    async fn follow(&self, tables: &mut PgConnection, leases: &Leases) -> Result<Source, BatchError> {
        let from = leases.start(tables).await?;
        let follower = Follower::new(self.sources.log.clone(), self.sources.jetstream.clone(), from)
            .expecting_epoch(self.log_epoch);
        let follower = match self.sources.tail.clone() {
            Some(tail) => follower.sharing(tail),
            None => follower,
        };
        self.tell(if leases.are_all() { from.position } else { leases.lowest(tables).await? });
        Ok(Source::start(follower, self.pace, self.projector.projection().pace))
    }
}

/// A follower that reads ahead in its own task.
struct Source {
    batches: mpsc::Receiver<Result<Vec<Arc<Envelope>>, FollowError>>,
    _task: AbortOnDropHandle<()>,
}

impl Source {
    fn start(mut follower: Follower, pace: &Pace, apart: Duration) -> Self {
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        let (mut commands_first, limit) = (pace.pressure.worker(), pace.batch);
        let task = tokio::spawn(async move {
            loop {
                commands_first.wait().await;
                let batch = follower.next_batch(limit).await;
                let began = time::Instant::now();
                let Ok(count) = batch.as_ref().map(Vec::len) else {
                    let _gone = sender.send(batch).await;
                    return;
                };
                if sender.send(batch).await.is_err() {
                    return;
                }
                if count < limit {
                    let gather = GATHER
                        .iter()
                        .find(|(busy, _)| count >= *busy)
                        .map_or(Duration::ZERO, |(_, long)| *long);
                    time::sleep_until(began + apart.max(gather)).await;
                }
            }
        });
        Self { batches, _task: AbortOnDropHandle::new(task) }
    }
}

/// The next batch; never ends while there is nothing to follow.
async fn next(source: &mut Option<Source>) -> Result<Vec<Arc<Envelope>>, FollowError> {
    let batch = match source {
        Some(source) => source.batches.recv().await,
        None => None,
    };
    match batch {
        Some(batch) => batch,
        None => std::future::pending().await,
    }
}
