//! Keeping a projection going: it waits while stopped, backs off while the database is away, rebuilds what is of
//! another shape or another log.

use std::{sync::Arc, time::Duration};

use event_store::{
    Log, LogError, Pressure,
    follow::{FollowError, Tail},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    batch::BatchError,
    progress::Progress,
    session::{Ended, Session},
};
use crate::{
    connect::ReadModel,
    live::{Live, Standing},
    projector::Projector,
    rebuild::{self, RebuildError},
};

/// What a projection reads from and writes to.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Where the rows go.
    pub read_model: ReadModel,
    /// Where the events come from when they do not come from …
    pub log: Log,
    /// … here.
    pub jetstream: async_nats::jetstream::Context,
    /// What all projections of a process follow together; none where just one does.
    pub tail: Option<Tail>,
}

/// How long things may take and how much is done at once.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long a lease outlives its last renewal: how long the lanes of a dead worker stand still.
    pub lease: Duration,
    /// Longest time for one batch.
    pub deadline: Duration,
    /// First wait after a failure; each later one is twice as long …
    pub backoff: Duration,
    /// … up to this; also how often a stopped projection is looked at.
    pub longest_backoff: Duration,
    /// Events in one transaction at most.
    pub batch: usize,
    /// What the work gives way to.
    pub pressure: Pressure,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
            backoff: Duration::from_millis(50),
            longest_backoff: Duration::from_secs(2),
            batch: 1_000,
            pressure: Pressure::default(),
        }
    }
}

/// Why a turn did not come to an end of its own.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    ReadModel(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}

/// What to do after a turn.
enum Next {
    /// Look at the registry again.
    Again,
    /// The same, after a while.
    Later,
}

/// Works on one projection until told to stop, whatever fails meanwhile. `told` gets the progress after each commit.
pub async fn run(
    projector: Arc<dyn Projector>,
    sources: Sources,
    pace: Pace,
    told: watch::Sender<Progress>,
    stop: CancellationToken,
) {
    let projection = projector.projection().name;
    let owner = Uuid::now_v7();
    let mut pause = pace.backoff;
    while !stop.is_cancelled() {
        let wait = match turn(&*projector, &sources, &pace, &told, &stop, owner).await {
            Ok(Next::Again) => {
                pause = pace.backoff;
                continue;
            }
            Ok(Next::Later) => pace.longest_backoff,
            Err(setback) => {
                tracing::warn!(projection, error = %setback, "the projection is held up, trying again");
                pause = (pause * 2).min(pace.longest_backoff);
                pause
            }
        };
        // Told to stop is as good as waited long enough.
        let _ = tokio::time::timeout(wait, stop.cancelled()).await;
    }
}

async fn turn(
    projector: &dyn Projector,
    sources: &Sources,
    pace: &Pace,
    told: &watch::Sender<Progress>,
    stop: &CancellationToken,
    owner: Uuid,
) -> Result<Next, Setback> {
    let projection = projector.projection();
    let registry = sources.read_model.look_ups();
    let Some(live) = Live::of(registry, projection).await? else { return Ok(Next::Later) };
    match live.standing(projection) {
        Standing::Current if live.is_stopped() => return Ok(Next::Later),
        Standing::Current => {}
        Standing::Newer => {
            tracing::warn!(
                projection = projection.name,
                "a newer program made the live version, standing by"
            );
            return Ok(Next::Later);
        }
        Standing::Old => return renew(projector, sources, pace, stop, "its tables or code changed").await,
    }
    let log_epoch = match live.log_epoch {
        Some(epoch) => epoch,
        None => {
            let epoch = sources.log.epoch().await?;
            live.adopt(registry, projection, epoch).await?;
            epoch
        }
    };
    let version = live.version;
    let session = Session { projector, sources, pace, version, log_epoch, told, stop };
    match session.run(owner).await? {
        Ended::Cancelled | Ended::LeaseLost | Ended::Stopped => Ok(Next::Again),
        Ended::OtherLog(error @ (FollowError::Hole { .. } | FollowError::Damaged { .. })) => {
            tracing::error!(projection = projection.name, %error, "the log is damaged, the projection stops");
            live.stop(registry, projection, &error.to_string()).await?;
            Ok(Next::Later)
        }
        Ended::OtherLog(error) => renew(projector, sources, pace, stop, &error.to_string()).await,
    }
}

/// Rebuilds what cannot go on, unless somebody else is at it.
async fn renew(
    projector: &dyn Projector,
    sources: &Sources,
    pace: &Pace,
    stop: &CancellationToken,
    reason: &str,
) -> Result<Next, Setback> {
    tracing::info!(projection = projector.projection().name, reason, "the projection is rebuilt");
    let options = rebuild::Options { accept_differences: true, lease: pace.lease, ..Default::default() };
    let told = watch::Sender::default();
    let rebuilt = rebuild::rebuild(projector, sources, &options, &told);
    tokio::select! {
        () = stop.cancelled() => Ok(Next::Again),
        rebuilt = rebuilt => match rebuilt {
            Ok(_) => Ok(Next::Again),
            Err(RebuildError::AlreadyRunning) => Ok(Next::Later),
            Err(error) => Err(error.into()),
        },
    }
}
