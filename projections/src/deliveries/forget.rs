//! Attempts are kept for thirty days.

use std::time::Duration;

use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::delivery::Delivery;

/// How often old ones are looked for.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// What still is to be tried keeps all of its attempts.
const FORGET: &str = "
DELETE FROM attempts AS a USING deliveries AS d
WHERE a.started_at < clock_timestamp() - interval '30 days' AND d.id = a.delivery_id AND d.end_time IS NOT NULL";

/// Forgets old attempts until told to stop.
pub async fn forget(delivery: Delivery, stop: CancellationToken) {
    let mut tick = time::interval(EVERY);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = sqlx::query(FORGET).execute(delivery.pool()).await {
            tracing::debug!(%error, "old attempts are kept for now");
        }
    }
}
