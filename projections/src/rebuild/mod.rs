//! Rebuilding a projection beside the live one: filled, indexed, caught up, compared, switched in one transaction.
//!
//! Readers notice nothing until the switch, and then only the new rows. A rebuild that dies leaves a version that nobody
//! sees; the next one removes it and starts over.

mod claim;
mod compare;
mod fill;
mod progress;
mod switch;

use std::time::Duration;

use event_store::LogError;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use compare::{Difference, Differences};
pub use progress::{Phase, RebuildProgress};

use crate::{
    projector::{ApplyError, Projector},
    runner::{BatchError, Limit, Sources},
};
use claim::Claim;
use progress::Meter;

/// How a rebuild is to go about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Switch although rows differ from the live ones.
    pub accept_differences: bool,
    /// How long other rebuilds wait for this one after it died.
    pub lease: Duration,
    /// Events read and copied at once.
    pub page: usize,
    /// Stops it, unless the switch has begun.
    pub cancel: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accept_differences: false,
            lease: Duration::from_secs(30),
            page: 5_000,
            cancel: CancellationToken::new(),
        }
    }
}

/// What a rebuild came to.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The version that is live now.
    pub version: i32,
    /// Events folded.
    pub events: i64,
    /// Rows that differ from those of the version before; none unless accepted.
    pub differences: Differences,
}

/// Why a rebuild did not take place; the live version is as before.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// No projection has this name.
    #[error("there is no projection {0:?}")]
    Unknown(String),
    /// The read model was never migrated.
    #[error("the read model has no live version of this projection: migrate it first")]
    NotMigrated,
    /// One at a time.
    #[error("this projection is being rebuilt already")]
    AlreadyRunning,
    /// Rows came out other than the live ones.
    #[error("the rebuilt rows differ from the live ones:\n{0}")]
    Different(Differences),
    /// The projector does not get on with the log.
    #[error("too many events cannot be folded: {0}")]
    TooMuchParked(Limit),
    /// Somebody took the new version away, or this process was asleep for too long.
    #[error("the lease of the new version was lost")]
    LeaseLost,
    /// Somebody wants it no more.
    #[error("cancelled")]
    Cancelled,
    /// The log was restored or promoted meanwhile.
    #[error("the log became another one meanwhile")]
    OtherLog,
    /// Events could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(error.into())
    }
}

impl From<BatchError> for RebuildError {
    fn from(error: BatchError) -> Self {
        match error {
            BatchError::LeaseLost | BatchError::Gap | BatchError::TooSlow => Self::LeaseLost,
            BatchError::Apply(error) => Self::Apply(error),
        }
    }
}

/// Rebuilds the projection of `projector`; `told` always has the latest progress.
pub async fn rebuild(
    projector: &dyn Projector,
    sources: &Sources,
    options: &Options,
    told: &watch::Sender<RebuildProgress>,
) -> Result<Rebuilt, RebuildError> {
    let claim = Claim::make(projector, sources, options).await?;
    let rebuilt = build(projector, sources, options, &claim, Meter::new(told)).await;
    let useless = if rebuilt.is_ok() { claim.live } else { claim.version };
    if let Err(error) = claim.drop_version(useless).await {
        tracing::warn!(version = useless, %error, "a version was left behind, the next rebuild removes it");
    }
    rebuilt
}

async fn build(
    projector: &dyn Projector,
    sources: &Sources,
    options: &Options,
    claim: &Claim,
    mut meter: Meter<'_>,
) -> Result<Rebuilt, RebuildError> {
    let (events, mut tables, differences) = tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(RebuildError::Cancelled),
        prepared = prepare(projector, sources, options, claim, &mut meter) => prepared?,
    };
    meter.enter(Phase::Switching, 0);
    switch::switch(projector, sources, claim, &mut tables, &mut meter).await?;
    meter.enter(Phase::Done, events);
    Ok(Rebuilt { version: claim.version, events, differences })
}

/// All but the switch: nobody sees any of it.
async fn prepare(
    projector: &dyn Projector,
    sources: &Sources,
    options: &Options,
    claim: &Claim,
    meter: &mut Meter<'_>,
) -> Result<(i64, PgConnection, Differences), RebuildError> {
    let events = fill::fill(projector, sources, options, claim, meter).await?;
    let mut tables = sources.read_model.tables(claim.version).await?;
    meter.enter(Phase::CatchingUp, 0);
    switch::catch_up(projector, sources, claim, &mut tables, meter).await?;
    meter.enter(Phase::Comparing, 0);
    let differences = compare::compare(projector.projection(), sources, claim).await?;
    if !differences.is_empty() && !options.accept_differences {
        return Err(RebuildError::Different(differences));
    }
    Ok((events, tables, differences))
}
