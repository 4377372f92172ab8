//! Reactions of many steps, the newest first.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::task_row::{optional_time, time};
use crate::model::{OperationProgress, Process};

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessCursor {
    position: i64,
    id: Uuid,
}

impl ProcessCursor {
    /// Behind this one.
    pub fn of(process: &Process) -> Self {
        Self { position: process.position, id: process.id }
    }
}

impl FromRow<'_, PgRow> for Process {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            subject: row.try_get("subject")?,
            position: row.try_get("position")?,
            state: row.try_get("state")?,
            progress: OperationProgress { done: row.try_get("done")?, total: row.try_get("total")? },
            create_time: time(row, "create_time")?,
            end_time: optional_time(row, "end_time")?,
        })
    }
}

const LIST: &str = "
SELECT p.id, p.kind, p.subject, p.position, p.create_time, s.done, s.total,
    CASE WHEN s.done < s.total THEN 'running' WHEN s.vain THEN 'failed' ELSE 'done' END AS state,
    CASE WHEN s.done = s.total THEN s.end_time END AS end_time
FROM (
    SELECT * FROM delivery.processes WHERE $1::bigint IS NULL OR (position, id) < ($1, $2)
    ORDER BY position DESC, id DESC LIMIT $3
) AS p CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(end_time) AS done, max(end_time) AS end_time,
        coalesce(bool_or(state IN ('exhausted', 'rejected')), false) AS vain
    FROM delivery.deliveries WHERE event_id = p.id AND channel = 'command'
) AS s ORDER BY p.position DESC, p.id DESC";

/// The processes behind a page's end, at most `limit`.
pub async fn processes(
    pool: &PgPool,
    after: Option<ProcessCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Process>> {
    let (position, id) = after.map(|cursor| (cursor.position, cursor.id)).unzip();
    sqlx::query_as(LIST).bind(position).bind(id).bind(limit).fetch_all(pool).await
}
