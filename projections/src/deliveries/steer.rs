//! What operators may do to a delivery.

use sqlx::PgConnection;
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

const RETRY: &str = "
UPDATE deliveries SET state = CASE WHEN end_time IS NULL THEN state ELSE 'failed' END, end_time = NULL, reason = NULL,
    due_at = clock_timestamp(), step = 0, next_trigger = 'manual'
WHERE id = $1";

/// Makes it due at once and begins its schedule anew.
pub(crate) async fn retry(delivery: &Delivery, id: Uuid) -> Result<(), SteerError> {
    let mut transaction = delivery.pool().begin().await?;
    steerable(&mut transaction, id, &["delivered", "superseded"]).await?;
    sqlx::query(RETRY).bind(id).execute(&mut *transaction).await?;
    wake::tell(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

const SKIP: &str = "
UPDATE deliveries SET state = 'skipped', end_time = clock_timestamp(), reason = 'an operator skipped it',
    lease_owner = NULL, lease_until = NULL
WHERE id = $1";

/// Ends it; those behind it in its order go on.
pub(crate) async fn skip(delivery: &Delivery, id: Uuid) -> Result<(), SteerError> {
    let mut transaction = delivery.pool().begin().await?;
    steerable(&mut transaction, id, &["delivered", "superseded", "skipped"]).await?;
    sqlx::query(SKIP).bind(id).execute(&mut *transaction).await?;
    wake::tell(&mut transaction).await?;
    Ok(transaction.commit().await?)
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
