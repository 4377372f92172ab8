//! How far reactors have come.

use event_store::{Log, LogError};

use crate::delivery::Delivery;

/// Why it cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The tables cannot be read.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

const REACHED: &str = "SELECT position FROM checkpoints WHERE consumer = $1";

/// Whether a reactor has taken in all events of these types up to a position: where there are none it may stand before.
pub(crate) async fn knows(
    delivery: &Delivery,
    log: &Log,
    (reactor, types): (&str, &[&str]),
    position: i64,
) -> Result<bool, ReachError> {
    let query = sqlx::query_scalar(REACHED).bind(reactor);
    let reached: i64 = query.fetch_optional(delivery.pool()).await?.unwrap_or(0);
    if reached >= position {
        return Ok(true);
    }
    let next = log.read_types(reached, types, 1).await?;
    Ok(next.first().is_none_or(|event| event.position > position))
}
