//! Comments: a batch loads those that it edits or deletes, and writes those that came out different.

use std::collections::BTreeMap;

use domain::task::TaskEvent;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Changed,
    row::{CommentRow, TaskRow},
};
use crate::projectors::decode::Decoded;

const LOAD: &str = "
SELECT c.task_id, c.id, c.author, c.text, c.create_time, c.edit_time, c.version, c.position
FROM unnest($1::uuid[], $2::uuid[]) AS u (task_id, id) JOIN comments AS c USING (task_id, id)";

/// Puts the comments that the events edit or delete into the rows of their tasks.
pub(super) async fn load(
    tables: &mut PgConnection,
    rows: &mut BTreeMap<Uuid, TaskRow>,
    events: &[Decoded<TaskEvent>],
) -> sqlx::Result<()> {
    let mut touched: Vec<(Uuid, Uuid)> = events.iter().filter_map(touches).collect();
    touched.sort_unstable();
    touched.dedup();
    if touched.is_empty() {
        return Ok(());
    }
    let (tasks, ids): (Vec<Uuid>, Vec<Uuid>) = touched.into_iter().unzip();
    let found: Vec<CommentRow> = sqlx::query_as(LOAD).bind(tasks).bind(ids).fetch_all(tables).await?;
    for comment in found {
        if let Some(row) = rows.get_mut(&comment.task_id) {
            row.comments.insert(comment.id, comment);
        }
    }
    Ok(())
}

fn touches(event: &Decoded<TaskEvent>) -> Option<(Uuid, Uuid)> {
    let comment = match &event.event {
        TaskEvent::CommentEdited(edit) => edit.comment,
        TaskEvent::CommentDeleted(entry) => entry.comment,
        _ => return None,
    };
    Some((event.at.aggregate_id, comment.0))
}

/// Writes what is new or other than before, deletes what is gone.
pub(super) fn push<'a>(sql: &mut QueryBuilder<'a, Postgres>, changed: &'a [Changed]) {
    let mut written: Vec<&CommentRow> = Vec::new();
    let mut deleted: Vec<&CommentRow> = Vec::new();
    for Changed { before, after } in changed {
        let then = |id: &Uuid| before.as_ref().and_then(|row| row.comments.get(id));
        written.extend(after.comments.values().filter(|comment| then(&comment.id) != Some(comment)));
        let before = before.iter().flat_map(|row| row.comments.values());
        deleted.extend(before.filter(|comment| !after.comments.contains_key(&comment.id)));
    }
    if !deleted.is_empty() {
        push_deleted(sql, &deleted);
    }
    if !written.is_empty() {
        push_written(sql, &written);
    }
}

fn push_deleted(sql: &mut QueryBuilder<'_, Postgres>, comments: &[&CommentRow]) {
    sql.push(", comments_gone AS (DELETE FROM comments AS c USING unnest(")
        .separated(", ")
        .push_bind(comments.iter().map(|comment| comment.task_id).collect::<Vec<_>>())
        .push_bind(comments.iter().map(|comment| comment.id).collect::<Vec<_>>());
    sql.push(") AS u (task_id, id) WHERE c.task_id = u.task_id AND c.id = u.id)");
}

/// An id that was deleted may come again, in the same batch even: then it is another comment.
fn push_written<'a>(sql: &mut QueryBuilder<'a, Postgres>, comments: &[&'a CommentRow]) {
    sql.push(
        ", comments_come AS (
        INSERT INTO comments (task_id, id, author, text, create_time, edit_time, version, position)
        SELECT * FROM unnest(",
    )
    .separated(", ")
    .push_bind(comments.iter().map(|comment| comment.task_id).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.id).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.author).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.text.as_str()).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.create_time).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.edit_time).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.version).collect::<Vec<_>>())
    .push_bind(comments.iter().map(|comment| comment.position).collect::<Vec<_>>());
    sql.push(
        ")
        ON CONFLICT (task_id, id) DO UPDATE SET author = excluded.author, text = excluded.text,
            create_time = excluded.create_time, edit_time = excluded.edit_time, version = excluded.version,
            position = excluded.position)",
    );
}
