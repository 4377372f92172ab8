//! One batch, one transaction: checkpoints locked, rows written, checkpoints moved. Here step by step, for whatever may be
//! the matter; [`super::usual`] is the short way.

use std::{collections::BTreeMap, sync::Arc};

use event_store::envelope::Envelope;
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::{
    lanes::{Leases, lane_of},
    parking::{Limit, Parking, apply_carefully, apply_plainly},
    usual,
};
use crate::projector::{ApplyError, Projector};

/// What a batch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// All of it; every lane held is at least there.
    All,
    /// Up to the event that would have been one too many to park: the projection is stopped.
    Stopped(Limit),
}

/// Why a batch was not handled; nothing of it is visible.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Another worker has a lane, or the version is no longer live.
    #[error("the lease of a lane was lost")]
    LeaseLost,
    /// A lane has not seen the events before these: the checkpoint was set back meanwhile.
    #[error("events are missing between a checkpoint and the batch")]
    Gap,
    /// Not done within the deadline.
    #[error("a batch took too long")]
    TooSlow,
    /// To be tried again.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(error.into())
    }
}

/// A lane as its locked row says.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(crate) struct Lane {
    pub(crate) lane: i16,
    pub(crate) position: i64,
    pub(crate) lease_epoch: i64,
    pub(crate) handled: i64,
    pub(crate) parked: i32,
}

/// Handles consecutive events for all lanes held. Those that a lane has behind it are dropped, those of foreign lanes
/// pass by. Bad events are parked.
pub(crate) async fn handle(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    leases: &Leases,
    events: &[Arc<Envelope>],
) -> Result<Handled, BatchError> {
    let attempted = match usual::handle(tables, projector, leases, events).await {
        Ok(true) => Ok(Attempt::Done),
        Ok(false) => attempt(tables, projector, leases, events, Manner::Plain).await,
        Err(error) => Err(error),
    };
    match attempted {
        Ok(Attempt::Done) => Ok(Handled::All),
        Ok(Attempt::Over { .. }) => careful(tables, projector, leases, events).await,
        Err(BatchError::Apply(error)) if error.is_data() => {
            tracing::warn!(projection = leases.projection, %error, "an event cannot be folded, looking for it");
            careful(tables, projector, leases, events).await
        }
        Err(error) => Err(error),
    }
}

async fn careful(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    leases: &Leases,
    events: &[Arc<Envelope>],
) -> Result<Handled, BatchError> {
    let mut attempted = attempt(tables, projector, leases, events, Manner::Careful).await?;
    let mut stopped = Handled::All;
    // Each turn tries fewer events than the one before.
    while let Attempt::Over { position, limit } = attempted {
        let before = events.partition_point(|event| event.position < position);
        attempted = attempt(tables, projector, leases, &events[..before], Manner::Last(limit)).await?;
        stopped = Handled::Stopped(limit);
    }
    Ok(stopped)
}

/// How the events of an attempt are applied.
#[derive(Clone, Copy)]
enum Manner {
    /// All at once; an error undoes the transaction.
    Plain,
    /// In savepoints, to find and park the event at fault.
    Careful,
    /// The same, for what can still be handled before the projection stops for this reason.
    Last(Limit),
}

enum Attempt {
    Done,
    /// Parking the event at this position is too much.
    Over {
        position: i64,
        limit: Limit,
    },
}

async fn attempt(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    leases: &Leases,
    events: &[Arc<Envelope>],
    manner: Manner,
) -> Result<Attempt, BatchError> {
    let mut transaction = tables.begin().await?;
    let first = events.first().map_or(0, |event| event.position);
    let lanes = lock(&mut transaction, leases, first).await?;
    let news = news(projector, &lanes, events);
    let mut parking = Parking::load(&mut transaction, leases, &lanes).await?;
    let over = match manner {
        Manner::Plain => apply_plainly(&mut transaction, projector, &news, &mut parking).await?,
        Manner::Careful | Manner::Last(_) => {
            apply_carefully(&mut transaction, projector, &news, &mut parking).await?
        }
    };
    if let Some((position, limit)) = over {
        transaction.rollback().await?;
        return Ok(Attempt::Over { position, limit });
    }
    advance(&mut transaction, leases, &lanes, events, &news, &parking).await?;
    if let Manner::Last(limit) = manner {
        stop(&mut transaction, leases, limit).await?;
    }
    transaction.commit().await?;
    Ok(Attempt::Done)
}

const LOCK: &str = "
SELECT lane, position, lease_epoch, handled, parked FROM read_model.checkpoints
WHERE projection = $1 AND version = $2 AND lane = ANY($3) ORDER BY lane FOR UPDATE";

/// Begins the transaction: whoever holds these rows is the only one to write the rows of their aggregates. Events that do
/// not join on to a lane's checkpoint are refused, whatever the reason.
async fn lock(
    transaction: &mut Transaction<'_, Postgres>,
    leases: &Leases,
    first: i64,
) -> Result<BTreeMap<i16, Lane>, BatchError> {
    let lanes: Vec<Lane> = sqlx::query_as(LOCK)
        .bind(leases.projection)
        .bind(leases.version)
        .bind(leases.lanes())
        .fetch_all(&mut **transaction)
        .await?;
    let ours = |lane: &Lane| leases.epoch(lane.lane) == Some(lane.lease_epoch);
    if lanes.len() != leases.lanes().len() || !lanes.iter().all(ours) {
        return Err(BatchError::LeaseLost);
    }
    if lanes.iter().any(|lane| lane.position + 1 < first) {
        return Err(BatchError::Gap);
    }
    Ok(lanes.into_iter().map(|lane| (lane.lane, lane)).collect())
}

/// The events that this projector has to fold now.
fn news(
    projector: &dyn Projector,
    lanes: &BTreeMap<i16, Lane>,
    events: &[Arc<Envelope>],
) -> Vec<Arc<Envelope>> {
    let is_news = |event: &&Arc<Envelope>| {
        projector.folds().includes(event)
            && lanes.get(&lane_of(event.aggregate_id)).is_some_and(|lane| lane.position < event.position)
    };
    events.iter().filter(is_news).cloned().collect()
}

const ADVANCE: &str = "
UPDATE read_model.checkpoints AS c SET position = $3, event_id = $4, recorded_at = $5,
    handled = c.handled + moved.handled, parked = c.parked + moved.parked,
    lease_until = clock_timestamp() + make_interval(secs => $6)
FROM unnest($7::smallint[], $8::bigint[], $9::integer[]) AS moved (lane, handled, parked)
WHERE c.projection = $1 AND c.version = $2 AND c.lane = moved.lane AND c.position < $3";

async fn advance(
    transaction: &mut Transaction<'_, Postgres>,
    leases: &Leases,
    lanes: &BTreeMap<i16, Lane>,
    events: &[Arc<Envelope>],
    news: &[Arc<Envelope>],
    parking: &Parking,
) -> sqlx::Result<()> {
    let Some(last) = events.last() else { return Ok(()) };
    let mut handled: BTreeMap<i16, i64> = lanes.keys().map(|lane| (*lane, 0)).collect();
    for event in news {
        *handled.entry(lane_of(event.aggregate_id)).or_default() += 1;
    }
    let parked: Vec<i32> = handled.keys().map(|lane| parking.added_to(*lane)).collect();
    let (lanes, handled): (Vec<i16>, Vec<i64>) = handled.into_iter().unzip();
    sqlx::query(ADVANCE)
        .bind(leases.projection)
        .bind(leases.version)
        .bind(last.position)
        .bind(last.id.0)
        .bind(last.recorded_at.as_datetime())
        .bind(leases.lifetime.as_secs_f64())
        .bind(lanes)
        .bind(handled)
        .bind(parked)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

const STOP: &str = "
UPDATE read_model.projections SET state = 'stopped', reason = $3, changed_at = clock_timestamp()
WHERE name = $1 AND live_version = $2";

async fn stop(
    transaction: &mut Transaction<'_, Postgres>,
    leases: &Leases,
    limit: Limit,
) -> sqlx::Result<()> {
    sqlx::query(STOP)
        .bind(leases.projection)
        .bind(leases.version)
        .bind(limit.to_string())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
