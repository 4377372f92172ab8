//! The labels in use.

use sqlx::{PgPool, QueryBuilder};

use super::{Sight, When};
use crate::model::Label;

/// Steps from label to label through the index, however many tasks bear each.
const DISTINCT: &str = "
WITH RECURSIVE distinct_labels(label) AS (
    (SELECT l.label FROM read_model.task_labels l WHERE l.label > ";

const NEXT: &str = " ORDER BY l.label LIMIT 1)
    UNION ALL
    SELECT (SELECT l.label FROM read_model.task_labels l WHERE l.label > d.label ORDER BY l.label LIMIT 1)
    FROM distinct_labels d WHERE d.label IS NOT NULL
)
SELECT d.label FROM distinct_labels d WHERE d.label IS NOT NULL AND EXISTS (
    SELECT FROM read_model.task_labels l JOIN read_model.tasks t ON t.id = l.task_id";

/// The labels behind `after` (empty: from the first) that a live task bears which can be seen, at most `limit`.
pub async fn labels(pool: &PgPool, sight: Sight, after: &str, limit: i64) -> sqlx::Result<Vec<Label>> {
    let mut sql = QueryBuilder::new(DISTINCT);
    sql.push_bind(after).push(NEXT).push(" WHERE ");
    When::Now.standing().push_seen(&mut sql, sight, false);
    sql.push(" AND l.label = d.label) LIMIT ").push_bind(limit);
    let labels: Vec<String> = sql.build_query_scalar().fetch_all(pool).await?;
    Ok(labels.into_iter().map(|label| Label { label }).collect())
}
