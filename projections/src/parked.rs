//! What an operator does about parked events: replays them, or gives one up.

use std::sync::Arc;

use event_store::{LogError, envelope::Envelope};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    live::Live,
    projector::Projector,
    runner::{BatchError, MAX_PARKED, Sources, in_savepoint},
};

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Replayed or discarded before, or never parked.
    #[error("no event is parked under this number")]
    NotParked,
    /// The projection was rebuilt since.
    #[error("the event is parked in a version that is no longer live")]
    NotLive,
    /// The log no longer has it, or cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The tables could not be written, and not for the event's sake.
    #[error(transparent)]
    Tables(#[from] BatchError),
}

impl From<sqlx::Error> for ReplayError {
    fn from(error: sqlx::Error) -> Self {
        Self::Tables(error.into())
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Events of the aggregate that are folded now.
    pub applied: usize,
    /// Events of the aggregate that are still parked: the first of them failed again.
    pub left: usize,
}

/// A row of `parked_events`.
#[derive(Clone, Debug, sqlx::FromRow)]
struct Parked {
    id: i64,
    version: i32,
    lane: i16,
    aggregate_id: Uuid,
    position: i64,
}

const FIND: &str = "
SELECT id, version, lane, aggregate_id, position FROM read_model.parked_events WHERE id = $1 AND projection = $2";

/// Folds the parked events of the aggregate that event `id` belongs to, in order, up to the first that fails again.
pub async fn replay(projector: &dyn Projector, sources: &Sources, id: i64) -> Result<Replayed, ReplayError> {
    resolve(projector, sources, id, false).await
}

/// Gives event `id` up, for good or until the next rebuild, and folds those of its aggregate that waited behind it.
pub async fn discard(projector: &dyn Projector, sources: &Sources, id: i64) -> Result<Replayed, ReplayError> {
    resolve(projector, sources, id, true).await
}

async fn resolve(
    projector: &dyn Projector,
    sources: &Sources,
    id: i64,
    give_up: bool,
) -> Result<Replayed, ReplayError> {
    let projection = projector.projection();
    let live = Live::of(sources.read_model.look_ups(), projection).await?.ok_or(ReplayError::NotParked)?;
    let mut tables = sources.read_model.tables(live.version).await?;
    let mut transaction = tables.begin().await?;
    let parked = find(&mut transaction, projection.name, id).await?.ok_or(ReplayError::NotParked)?;
    if parked.version != live.version {
        return Err(ReplayError::NotLive);
    }
    lock(&mut transaction, projection.name, &parked).await?;
    let queue = queue(&mut transaction, projection.name, &parked).await?;
    if !queue.iter().any(|event| event.id == id) {
        return Err(ReplayError::NotParked);
    }
    let done = fold(projector, sources, &mut transaction, &queue, give_up.then_some(id)).await?;
    let given_up = usize::from(give_up);
    settle(&mut transaction, projection.name, &parked, done + given_up).await?;
    transaction.commit().await?;
    Ok(Replayed { applied: done, left: queue.len() - done - given_up })
}

async fn find(tables: &mut PgConnection, projection: &str, id: i64) -> sqlx::Result<Option<Parked>> {
    sqlx::query_as(FIND).bind(id).bind(projection).fetch_optional(tables).await
}

const LOCK: &str = "
SELECT FROM read_model.checkpoints WHERE projection = $1 AND version = $2 AND lane = $3 FOR UPDATE";

/// The lane's worker waits meanwhile.
async fn lock(tables: &mut PgConnection, projection: &str, parked: &Parked) -> sqlx::Result<()> {
    sqlx::query(LOCK).bind(projection).bind(parked.version).bind(parked.lane).execute(tables).await?;
    Ok(())
}

const QUEUE: &str = "
SELECT id, version, lane, aggregate_id, position FROM read_model.parked_events
WHERE projection = $1 AND version = $2 AND aggregate_id = $3 ORDER BY position";

async fn queue(tables: &mut PgConnection, projection: &str, parked: &Parked) -> sqlx::Result<Vec<Parked>> {
    sqlx::query_as(QUEUE)
        .bind(projection)
        .bind(parked.version)
        .bind(parked.aggregate_id)
        .fetch_all(tables)
        .await
}

const FAILED_AGAIN: &str =
    "UPDATE read_model.parked_events SET error = $2, attempts = attempts + 1 WHERE id = $1";

const REMOVE: &str = "DELETE FROM read_model.parked_events WHERE id = $1";

/// Folds the queue in order, passing over the event given up; says how many were folded.
async fn fold(
    projector: &dyn Projector,
    sources: &Sources,
    tables: &mut PgConnection,
    queue: &[Parked],
    given_up: Option<i64>,
) -> Result<usize, ReplayError> {
    if let Some(id) = given_up {
        sqlx::query(REMOVE).bind(id).execute(&mut *tables).await?;
    }
    let mut folded = 0;
    for parked in queue.iter().filter(|parked| Some(parked.id) != given_up) {
        let event = event(sources, parked.position).await?;
        if let Err(error) = in_savepoint(tables, projector, &[event]).await? {
            sqlx::query(FAILED_AGAIN).bind(parked.id).bind(error.to_string()).execute(&mut *tables).await?;
            return Ok(folded);
        }
        sqlx::query(REMOVE).bind(parked.id).execute(&mut *tables).await?;
        folded += 1;
    }
    Ok(folded)
}

async fn event(sources: &Sources, position: i64) -> Result<Arc<Envelope>, ReplayError> {
    let event = sources.log.event_at(position).await?.ok_or(ReplayError::NotParked)?;
    let damaged = |source| LogError::Damaged { position, source: Box::new(source) };
    Ok(Arc::new(Envelope::try_from(event).map_err(damaged)?))
}

const COUNT_DOWN: &str = "
UPDATE read_model.checkpoints SET parked = parked - $4 WHERE projection = $1 AND version = $2 AND lane = $3";

/// A projection that stopped because of what is parked goes on once less is.
const GO_ON: &str = "
UPDATE read_model.projections SET state = 'running', reason = NULL, changed_at = clock_timestamp()
WHERE name = $1 AND live_version = $2 AND state = 'stopped'
    AND (SELECT count(*) FROM read_model.parked_events WHERE projection = $1 AND version = $2) < $3";

async fn settle(
    tables: &mut PgConnection,
    projection: &str,
    parked: &Parked,
    fewer: usize,
) -> sqlx::Result<()> {
    sqlx::query(COUNT_DOWN)
        .bind(projection)
        .bind(parked.version)
        .bind(parked.lane)
        .bind(i32::try_from(fewer).unwrap_or(i32::MAX))
        .execute(&mut *tables)
        .await?;
    if fewer > 0 {
        sqlx::query(GO_ON).bind(projection).bind(parked.version).bind(MAX_PARKED).execute(tables).await?;
    }
    Ok(())
}
