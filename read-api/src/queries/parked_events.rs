//! Events that a live projection could not take in, in the order in which they were parked.

use sqlx::{FromRow, PgPool, Row, postgres::PgRow};

use super::task_row::time;
use crate::model::ParkedEvent;

impl FromRow<'_, PgRow> for ParkedEvent {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            projection: row.try_get("projection")?,
            aggregate_type: row.try_get("aggregate_type")?,
            aggregate_id: row.try_get("aggregate_id")?,
            position: row.try_get("position")?,
            event_id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            error: row.try_get("error")?,
            attempts: row.try_get("attempts")?,
            park_time: time(row, "parked_at")?,
        })
    }
}

const PARKED: &str = "
SELECT e.id, e.projection, e.aggregate_type, e.aggregate_id, e.position, e.event_id, e.event_type, e.error,
    e.attempts, e.parked_at
FROM read_model.parked_events e JOIN read_model.projections p ON p.name = e.projection AND p.live_version = e.version
WHERE e.id > $1 AND ($2::text IS NULL OR e.projection = $2) ORDER BY e.id LIMIT $3";

/// The parked events behind number `after` (0: from the first), of one projection or all, at most `limit`.
pub async fn parked_events(
    pool: &PgPool,
    projection: Option<&str>,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<ParkedEvent>> {
    sqlx::query_as(PARKED).bind(after).bind(projection).bind(limit).fetch_all(pool).await
}
