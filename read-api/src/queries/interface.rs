//! How the core system stands.

use sqlx::{FromRow, PgPool, Row, postgres::PgRow};

use super::task_row::{optional_time, time};
use crate::model::{InterfaceRun, InterfaceStatus};

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
        runs,
    })
}
