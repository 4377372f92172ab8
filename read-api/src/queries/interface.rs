//! How the core system stands.

use sqlx::{FromRow, PgPool, Row, postgres::PgRow};

use super::task_row::{optional_time, time};
use crate::model::{Breaker, InterfaceRun, InterfaceStatus};

impl FromRow<'_, PgRow> for InterfaceRun {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            turn_time: time(row, "turn")?,
            start_time: time(row, "start_time")?,
            end_time: optional_time(row, "end_time")?,
            outcome: row.try_get("outcome")?,
            report: row.try_get("report")?,
        })
    }
}

impl FromRow<'_, PgRow> for Breaker {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let until_time = optional_time(row, "until")?;
        Ok(Self { state: row.try_get("state")?, failures: row.try_get("failures")?, until_time })
    }
}

/// Those who have died say nothing any more.
const BREAKER: &str = "
SELECT state, failures, until FROM delivery.interface_breakers
WHERE seen_at > clock_timestamp() - interval '1 minute'
ORDER BY array_position(ARRAY['open', 'probing', 'closed'], state), failures DESC LIMIT 1";

const UNFINISHED: &str = "
SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'failed' AND isfinite(due_at)) AS retrying,
    count(*) FILTER (WHERE state = 'failed' AND NOT isfinite(due_at)) AS waiting, min(create_time) AS oldest
FROM delivery.deliveries WHERE channel = 'interface' AND state IN ('pending', 'failed')";

const RUNS: &str = "
SELECT id, turn, start_time, end_time, outcome, report FROM delivery.interface_runs ORDER BY turn DESC LIMIT 30";

/// What the core system has yet to take, and the last runs.
pub async fn interface(pool: &PgPool) -> sqlx::Result<InterfaceStatus> {
    let runs = sqlx::query_as(RUNS).fetch_all(pool).await?;
    let row = sqlx::query(UNFINISHED).fetch_one(pool).await?;
    Ok(InterfaceStatus {
        pending: row.try_get("pending")?,
        retrying: row.try_get("retrying")?,
        waiting: row.try_get("waiting")?,
        oldest_time: optional_time(&row, "oldest")?,
        breaker: sqlx::query_as(BREAKER).fetch_optional(pool).await?,
        runs,
    })
}
