//! Long jobs, newest first.

use domain::time::Timestamp;
use event_store::{Log, LogError};
use serde::{Deserialize, Serialize};
use service::operation::{COLUMNS, Operation};
use sqlx::PgPool;
use uuid::Uuid;

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCursor {
    create_time: Timestamp,
    id: Uuid,
}

/// Of this kind are operations that have been announcements from the beginning.
pub const ANNOUNCEMENT: &str = "announcement";
/// Of this kind are the files that auditors ask for.
pub const EXPORT: &str = "export";

/// One operation, or an announcement that was given a time.
pub async fn operation(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Operation>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM read_model.operations WHERE id = $1 \
         UNION ALL SELECT {COLUMNS} FROM delivery.announcement_operations WHERE id = $1"
    );
    sqlx::query_as(&sql).bind(id).fetch_optional(pool).await
}

/// The operations behind `after`, each with the cursor behind it, at most `limit`.
pub async fn operations(
    pool: &PgPool,
    after: Option<OperationCursor>,
    limit: i64,
) -> sqlx::Result<Vec<(OperationCursor, Operation)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM read_model.operations \
         WHERE $1::timestamptz IS NULL OR (create_time, id) < ($1, $2) ORDER BY create_time DESC, id DESC LIMIT $3"
    );
    let rows: Vec<Operation> = sqlx::query_as(&sql)
        .bind(after.map(|after| after.create_time.as_datetime()))
        .bind(after.map(|after| after.id))
        .bind(limit)
        .fetch_all(pool)
        .await?;
    let with_cursor = |operation: Operation| {
        (OperationCursor { create_time: operation.create_time.into(), id: operation.id() }, operation)
    };
    Ok(rows.into_iter().map(with_cursor).collect())
}

/// Whether this replays a webhook of this person or program.
pub async fn replays_own_webhook(pool: &PgPool, operation: &Operation, owner: Uuid) -> sqlx::Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM delivery.webhooks WHERE id = $1 AND owner = $2)";
    let subject = operation.metadata["subject"].as_str().unwrap_or_default();
    let webhook = subject.strip_prefix("webhooks/").and_then(|id| Uuid::try_parse(id).ok());
    let Some(webhook) = webhook else { return Ok(false) };
    sqlx::query_scalar(SQL).bind(webhook).bind(owner).fetch_one(pool).await
}

/// Position of the last request taken in; 0 before any.
pub async fn operations_position(pool: &PgPool) -> sqlx::Result<i64> {
    const SQL: &str =
        "SELECT coalesce(max(position), 0) FROM read_model.checkpoints WHERE projection = 'operations'";
    sqlx::query_scalar(SQL).fetch_one(pool).await
}

/// What operations are asked for by.
pub const REQUESTS: &[&str] =
    &["operation.requested", "operation.cancel_requested", "webhook.replay_requested"];

/// Whether anything of these types has happened between these positions (the second included).
pub async fn happened(log: &Log, types: &[&str], after: i64, up_to: i64) -> Result<bool, LogError> {
    let next = log.read_types(after, types, 1).await?;
    Ok(next.first().is_some_and(|event| event.position <= up_to))
}
