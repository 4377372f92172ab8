//! How far the core system should know each task: up to the last change that it has taken.

use sqlx::{FromRow, PgPool};
use uuid::Uuid;

/// A task and the version of the last change that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Taken {
    pub(super) task: Uuid,
    pub(super) version: i64,
}

/// Of one bucket, in order of id.
const PAGE: &str = "
SELECT DISTINCT ON (order_key COLLATE \"C\") order_key::uuid AS task, (payload ->> 'version')::bigint AS version
FROM deliveries
WHERE channel = 'interface' AND state = 'delivered' AND right(order_key, 2) = $1
    AND ($2::text IS NULL OR order_key COLLATE \"C\" > $2)
ORDER BY order_key COLLATE \"C\", position DESC LIMIT $3";

/// The tasks of a bucket behind this one, at most so many.
pub(super) async fn page(
    pool: &PgPool,
    bucket: &str,
    after: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Vec<Taken>> {
    let after = after.map(|task| task.to_string());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sqlx::query_as(PAGE).bind(bucket).bind(after).bind(limit).fetch_all(pool).await
}

const NEWEST: &str = "
SELECT greatest(
    (SELECT max((payload ->> 'version')::bigint) FROM deliveries
     WHERE channel = 'interface' AND state = 'delivered' AND right(order_key, 2) = right($1, 2) AND order_key = $1),
    (SELECT max((payload ->> 'version')::bigint) FROM deliveries
     WHERE channel = 'interface' AND state IN ('pending', 'failed') AND order_key = $1))";

/// The newest change of a task that the core system may have: what it was being told meanwhile counts.
pub(super) async fn newest(pool: &PgPool, task: Uuid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(NEWEST).bind(task.to_string()).fetch_one(pool).await
}
