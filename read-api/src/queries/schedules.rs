//! What runs by the clock.

use sqlx::{FromRow, PgPool, Row, postgres::PgRow};

use super::task_row::{optional_time, time};
use crate::model::{Schedule, ScheduleRun};

impl FromRow<'_, PgRow> for Schedule {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.try_get("name")?,
            cron: row.try_get("cron")?,
            zone: row.try_get("zone")?,
            running: row.try_get("running")?,
            next_time: time(row, "next_time")?,
            last: last(row)?,
        })
    }
}

fn last(row: &PgRow) -> sqlx::Result<Option<ScheduleRun>> {
    let Some(outcome) = row.try_get("last_outcome")? else { return Ok(None) };
    Ok(Some(ScheduleRun {
        turn_time: time(row, "last_turn")?,
        start_time: time(row, "last_start")?,
        end_time: optional_time(row, "last_end")?,
        outcome,
        error: row.try_get("last_error")?,
        report: row.try_get("last_report")?,
    }))
}

const SCHEDULES: &str = "
SELECT name, cron, zone, lease_until >= clock_timestamp() AS running, next_time, last_turn, last_start, last_end,
    last_outcome, last_error, last_report
FROM delivery.schedules ORDER BY name";

/// All schedules by name.
pub async fn schedules(pool: &PgPool) -> sqlx::Result<Vec<Schedule>> {
    sqlx::query_as(SCHEDULES).fetch_all(pool).await
}
