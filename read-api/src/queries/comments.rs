//! The comments of a task, oldest first.

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::task_row::{optional_time, time};
use crate::model::{Comment, Person};

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentCursor {
    create_time: Timestamp,
    id: Uuid,
}

impl CommentCursor {
    /// The place behind this comment.
    pub fn behind(comment: &Comment) -> Self {
        Self { create_time: comment.create_time, id: comment.id }
    }
}

impl FromRow<'_, PgRow> for Comment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            version: row.try_get("version")?,
            author: Person { id: row.try_get("author")?, name: row.try_get("name")? },
            text: row.try_get("text")?,
            create_time: time(row, "create_time")?,
            edit_time: optional_time(row, "edit_time")?,
        })
    }
}

const COMMENTS: &str = "
SELECT c.id, c.version, c.author, u.name, c.text, c.create_time, c.edit_time
FROM read_model.comments c LEFT JOIN read_model.users u ON u.id = c.author
WHERE c.task_id = $1 AND ($2::timestamptz IS NULL OR (c.create_time, c.id) > ($2, $3))
ORDER BY c.create_time, c.id LIMIT $4";

/// The comments of a task behind `after`, at most `limit`.
pub async fn comments(
    pool: &PgPool,
    task: Uuid,
    after: Option<CommentCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Comment>> {
    sqlx::query_as(COMMENTS)
        .bind(task)
        .bind(after.map(|after| after.create_time.as_datetime()))
        .bind(after.map(|after| after.id))
        .bind(limit)
        .fetch_all(pool)
        .await
}
