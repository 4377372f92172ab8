//! The last stretch: catching up with the log, and taking the live version's place in one transaction.

use std::{sync::Arc, time::Duration};

use event_store::{LogError, envelope::Envelope};
use sqlx::{Connection, PgConnection};

use super::{RebuildError, claim::Claim, progress::Meter};
use crate::{
    projector::Projector,
    runner::{Handled, Sources, handle},
    schema::point_views,
};

/// Events read at once.
const PAGE: i64 = 5_000;
/// Bytes read at once.
const PAGE_BYTES: i64 = 16 << 20;
/// So many events may be folded while readers and the live worker wait.
const LAST_EVENTS: i64 = 2_000;
/// Longest wait for readers of the views, before they are let pass and it is tried again.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";
/// So often it is tried.
const TRIES: u32 = 60;

/// Folds what is new until no more is left than the switch may fold: under load there is always something.
pub(super) async fn catch_up(
    projector: &dyn Projector,
    sources: &Sources,
    claim: &Claim,
    tables: &mut PgConnection,
    meter: &mut Meter<'_>,
) -> Result<(), RebuildError> {
    loop {
        let from = position(tables, claim, claim.version, "min").await?;
        let events = read(sources, from).await?;
        if events.is_empty() {
            return Ok(());
        }
        apply(projector, claim, tables, &events).await?;
        meter.add(events.len());
        if i64::try_from(events.len()).unwrap_or(i64::MAX) < LAST_EVENTS {
            return Ok(());
        }
    }
}

async fn read(sources: &Sources, after: i64) -> Result<Vec<Arc<Envelope>>, RebuildError> {
    let events = sources.log.read_after(after, PAGE, PAGE_BYTES).await?;
    let envelope = |event: domain::event::RecordedEvent| {
        let position = event.position;
        Envelope::try_from(event)
            .map(Arc::new)
            .map_err(|source| LogError::Damaged { position, source: Box::new(source) })
    };
    Ok(events.into_iter().map(envelope).collect::<Result<Vec<_>, _>>()?)
}

async fn apply(
    projector: &dyn Projector,
    claim: &Claim,
    tables: &mut PgConnection,
    events: &[Arc<Envelope>],
) -> Result<(), RebuildError> {
    match handle(tables, projector, &claim.leases, events).await? {
        Handled::All => Ok(()),
        Handled::Stopped(limit) => Err(RebuildError::TooMuchParked(limit)),
    }
}

async fn position(
    connection: &mut PgConnection,
    claim: &Claim,
    version: i32,
    extreme: &str,
) -> sqlx::Result<i64> {
    let sql = format!(
        "SELECT {extreme}(position) FROM read_model.checkpoints WHERE projection = $1 AND version = $2"
    );
    sqlx::query_scalar(&sql).bind(claim.leases.projection).bind(version).fetch_one(connection).await
}

/// Takes the live version's place, once no reader of the views is in the way.
pub(super) async fn switch(
    projector: &dyn Projector,
    sources: &Sources,
    claim: &Claim,
    tables: &mut PgConnection,
    meter: &mut Meter<'_>,
) -> Result<(), RebuildError> {
    for _ in 0..TRIES {
        match try_switch(projector, sources, claim, tables).await {
            Ok(true) => return Ok(()),
            Ok(false) => catch_up(projector, sources, claim, tables, meter).await?,
            Err(error) if is_locked_out(&error) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(error),
        }
    }
    Err(RebuildError::LeaseLost)
}

fn is_locked_out(error: &RebuildError) -> bool {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    const DEADLOCK: &str = "40P01";
    match error {
        RebuildError::Apply(crate::projector::ApplyError::Database(sqlx::Error::Database(error))) => {
            error.code().is_some_and(|code| [LOCK_NOT_AVAILABLE, DEADLOCK].contains(&&*code))
        }
        _ => false,
    }
}

const LOCK_BOTH: &str = "
SELECT FROM read_model.checkpoints WHERE projection = $1 AND version = ANY($2) ORDER BY version, lane FOR UPDATE";

/// Whoever holds a lane of the old version finds the epoch changed, and nobody can take one any more; the new lanes are
/// free at once.
const HAND_OVER: &str = "
UPDATE read_model.checkpoints SET lease_owner = NULL, lease_epoch = lease_epoch + 1,
    lease_until = CASE WHEN version = $3 THEN 'infinity'::timestamptz ELSE '-infinity' END
WHERE projection = $1 AND version = ANY($2)";

const SET_EPOCH: &str = "UPDATE read_model.projections SET log_epoch = $2 WHERE name = $1";

/// One try; false when there is too much left to fold first.
async fn try_switch(
    projector: &dyn Projector,
    sources: &Sources,
    claim: &Claim,
    tables: &mut PgConnection,
) -> Result<bool, RebuildError> {
    let projection = projector.projection();
    let versions = vec![claim.live, claim.version];
    let mut transaction = tables.begin().await?;
    sqlx::query(LOCK_TIMEOUT).execute(&mut *transaction).await?;
    sqlx::query(LOCK_BOTH).bind(projection.name).bind(&versions).execute(&mut *transaction).await?;
    if sources.log.epoch().await? != claim.log_epoch {
        return Err(RebuildError::OtherLog);
    }
    let reached = position(&mut transaction, claim, claim.version, "min").await?;
    let live = match claim.live_is_foreign {
        true => reached,
        false => position(&mut transaction, claim, claim.live, "max").await?,
    };
    if live - reached > LAST_EVENTS {
        return Ok(false);
    }
    let events = read(sources, reached).await?;
    apply(projector, claim, &mut transaction, &events).await?;
    sqlx::query(HAND_OVER)
        .bind(projection.name)
        .bind(&versions)
        .bind(claim.live)
        .execute(&mut *transaction)
        .await?;
    point_views(&mut transaction, projection, claim.version).await?;
    sqlx::query(SET_EPOCH).bind(projection.name).bind(claim.log_epoch).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}
