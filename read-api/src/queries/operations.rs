//! Long jobs, newest first.

use domain::time::Timestamp;
use event_store::{Log, LogError};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::task_row::{optional_time, time};
use crate::model::{Operation, OperationProgress};

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCursor {
    create_time: Timestamp,
    id: Uuid,
}

/// An operation and its id.
struct OperationRow {
    id: Uuid,
    operation: Operation,
}

impl FromRow<'_, PgRow> for OperationRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let id: Uuid = row.try_get("id")?;
        let operation = Operation {
            name: format!("operations/{id}"),
            kind: row.try_get("kind")?,
            state: row.try_get("state")?,
            progress: OperationProgress { done: row.try_get("done")?, total: row.try_get("total")? },
            create_time: time(row, "create_time")?,
            start_time: optional_time(row, "start_time")?,
            end_time: optional_time(row, "end_time")?,
            metadata: row.try_get("metadata")?,
            response: row.try_get("response")?,
            error: row.try_get("error")?,
        };
        Ok(Self { id, operation })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, state, done, total, create_time, start_time, end_time, \
             metadata || jsonb_build_object('subject', subject) AS metadata, response, error \
             FROM read_model.operations ",
            $rest
        )
    };
}

/// One operation.
pub async fn operation(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Operation>> {
    let row: Option<OperationRow> =
        sqlx::query_as(select!("WHERE id = $1")).bind(id).fetch_optional(pool).await?;
    Ok(row.map(|row| row.operation))
}

const PAGE: &str = select!(
    "WHERE $1::timestamptz IS NULL OR (create_time, id) < ($1, $2) ORDER BY create_time DESC, id DESC LIMIT $3"
);

/// The operations behind `after`, each with the cursor behind it, at most `limit`.
pub async fn operations(
    pool: &PgPool,
    after: Option<OperationCursor>,
    limit: i64,
) -> sqlx::Result<Vec<(OperationCursor, Operation)>> {
    let rows: Vec<OperationRow> = sqlx::query_as(PAGE)
        .bind(after.map(|after| after.create_time.as_datetime()))
        .bind(after.map(|after| after.id))
        .bind(limit)
        .fetch_all(pool)
        .await?;
    let with_cursor = |OperationRow { id, operation }: OperationRow| {
        (OperationCursor { create_time: operation.create_time, id }, operation)
    };
    Ok(rows.into_iter().map(with_cursor).collect())
}

/// Position of the last request taken in; 0 before any.
pub async fn operations_position(pool: &PgPool) -> sqlx::Result<i64> {
    const SQL: &str =
        "SELECT coalesce(max(position), 0) FROM read_model.checkpoints WHERE projection = 'operations'";
    sqlx::query_scalar(SQL).fetch_one(pool).await
}

/// What operations are asked for by.
pub const REQUESTS: &[&str] = &["operation.requested", "operation.cancel_requested"];

/// Whether anything of these types has happened between these positions (the second included).
pub async fn happened(log: &Log, types: &[&str], after: i64, up_to: i64) -> Result<bool, LogError> {
    let next = log.read_types(after, types, 1).await?;
    Ok(next.first().is_some_and(|event| event.position <= up_to))
}
