//! What operators may do to a delivery.

use domain::{
    delivery::{DeliveryChannel, DeliverySelection, DeliveryState},
    time::Timestamp,
};
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::wake;
use crate::delivery::Delivery;

/// Why a delivery is left as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SteerError {
    /// There is none of this id.
    #[error("there is no such delivery")]
    Unknown,
    /// It is past changing.
    #[error("the delivery is {0}")]
    Ended(String),
    /// Somebody tries it now: what comes of it is not known yet.
    #[error("the delivery is being tried at this moment")]
    UnderWay,
    /// The tables cannot be read or written.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
}

/// What ended so stays so.
const PAST_RETRYING: &[&str] = &["delivered", "superseded"];
const PAST_SKIPPING: &[&str] = &["delivered", "superseded", "skipped"];

const RETRY: &str = "
UPDATE deliveries SET state = CASE WHEN end_time IS NULL THEN state ELSE 'failed' END, end_time = NULL, reason = NULL,
    due_at = clock_timestamp(), step = 0, next_trigger = 'manual'
WHERE id = ANY($1)";

/// Makes it due at once and begins its schedule anew.
pub(crate) async fn retry(delivery: &Delivery, id: Uuid) -> Result<u64, SteerError> {
    let mut transaction = delivery.pool().begin().await?;
    steerable(&mut transaction, id, PAST_RETRYING).await?;
    let steered = sqlx::query(RETRY).bind([id]).execute(&mut *transaction).await?;
    wake::tell(&mut transaction).await?;
    transaction.commit().await?;
    Ok(steered.rows_affected())
}

/// The same for all that are meant, but for those that somebody tries just now.
pub(crate) async fn retry_all(delivery: &Delivery, meant: &DeliverySelection) -> Result<u64, SteerError> {
    steer_all(delivery, meant, PAST_RETRYING, |ids| sqlx::query(RETRY).bind(ids)).await
}

const SKIP: &str = "
UPDATE deliveries SET state = 'skipped', end_time = clock_timestamp(), reason = $2,
    lease_owner = NULL, lease_until = NULL
WHERE id = ANY($1)";

/// Ends it; those behind it in its order go on.
pub(crate) async fn skip(delivery: &Delivery, id: Uuid, reason: &str) -> Result<u64, SteerError> {
    let mut transaction = delivery.pool().begin().await?;
    steerable(&mut transaction, id, PAST_SKIPPING).await?;
    let steered = sqlx::query(SKIP).bind([id]).bind(reason).execute(&mut *transaction).await?;
    wake::tell(&mut transaction).await?;
    transaction.commit().await?;
    Ok(steered.rows_affected())
}

/// The same for all that are meant, but for those that somebody tries just now.
pub(crate) async fn skip_all(
    delivery: &Delivery,
    meant: &DeliverySelection,
    reason: &str,
) -> Result<u64, SteerError> {
    steer_all(delivery, meant, PAST_SKIPPING, |ids| sqlx::query(SKIP).bind(ids).bind(reason.to_owned())).await
}

const MEANT: &str = "
SELECT position, id FROM deliveries
WHERE (position, id) > ($1, $2) AND ($3::text IS NULL OR channel = $3) AND ($4::text IS NULL OR state = $4)
    AND ($5::timestamptz IS NULL OR create_time >= $5) AND ($6::timestamptz IS NULL OR create_time < $6)
    AND state <> ALL ($7) AND (lease_until IS NULL OR lease_until < clock_timestamp())
ORDER BY position, id LIMIT 1000 FOR UPDATE";

type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// Page by page, so that no transaction holds many rows for long.
async fn steer_all<'a>(
    delivery: &Delivery,
    meant: &DeliverySelection,
    but: &[&str],
    statement: impl Fn(Vec<Uuid>) -> Statement<'a>,
) -> Result<u64, SteerError> {
    let (mut after, mut steered) = ((0_i64, Uuid::nil()), 0);
    loop {
        let mut transaction = delivery.pool().begin().await?;
        let page: Vec<(i64, Uuid)> = sqlx::query_as(MEANT)
            .bind(after.0)
            .bind(after.1)
            .bind(meant.channel.map(DeliveryChannel::as_str))
            .bind(meant.state.map(DeliveryState::as_str))
            .bind(meant.from.as_ref().map(Timestamp::as_datetime))
            .bind(meant.to.as_ref().map(Timestamp::as_datetime))
            .bind(but)
            .fetch_all(&mut *transaction)
            .await?;
        let Some(last) = page.last() else { return Ok(steered) };
        after = *last;
        let ids = page.into_iter().map(|(_, id)| id).collect();
        steered += statement(ids).execute(&mut *transaction).await?.rows_affected();
        wake::tell(&mut transaction).await?;
        transaction.commit().await?;
    }
}

const LOCK: &str = "
SELECT state, coalesce(lease_until >= clock_timestamp(), false) FROM deliveries WHERE id = $1 FOR UPDATE";

/// Locks it, unless it is in one of these states or somebody tries it.
async fn steerable(tables: &mut PgConnection, id: Uuid, but: &[&str]) -> Result<(), SteerError> {
    let found: Option<(String, bool)> = sqlx::query_as(LOCK).bind(id).fetch_optional(tables).await?;
    match found {
        None => Err(SteerError::Unknown),
        Some((state, _)) if but.contains(&state.as_str()) => Err(SteerError::Ended(state)),
        Some((_, true)) => Err(SteerError::UnderWay),
        Some((_, false)) => Ok(()),
    }
}
