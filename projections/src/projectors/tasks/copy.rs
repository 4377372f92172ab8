//! Whole tasks into empty tables, as fast as Postgres takes them.

use sqlx::PgConnection;

use super::{
    links::{labels, people},
    row::{CommentRow, TaskRow},
    store::ids,
};
use crate::projectors::literal::{Lines, array};

const COPY_TASKS: &str = "
COPY tasks (id, key, version, position, title, description, status, priority, due_date, due_at, due_zone, labels,
    assignees, watchers, creator, parent, external_system, external_id, private, progress, relations, checklist,
    comment_count, create_time, update_time, ahead, delete_time, purge_time) FROM STDIN";
const COPY_PEOPLE: &str = "COPY task_people (user_id, role, task_id) FROM STDIN";
const COPY_LABELS: &str = "COPY task_labels (label, task_id) FROM STDIN";
const COPY_COMMENTS: &str =
    "COPY comments (task_id, id, author, text, create_time, edit_time, version, position) FROM STDIN";

/// Copies these tasks with all that hangs on them.
pub(super) async fn copy(tables: &mut PgConnection, rows: &[TaskRow]) -> sqlx::Result<()> {
    let [mut tasks, mut people_lines, mut label_lines, mut comments] = <[Lines; 4]>::default();
    for row in rows {
        task_line(&mut tasks, row);
        for (user, role) in people(row) {
            people_lines.plain(user).plain(role).plain(row.id).end();
        }
        for label in labels(row) {
            label_lines.text(label).plain(row.id).end();
        }
        for comment in row.comments.values() {
            comment_line(&mut comments, comment);
        }
    }
    tasks.send(tables, COPY_TASKS).await?;
    people_lines.send(tables, COPY_PEOPLE).await?;
    label_lines.send(tables, COPY_LABELS).await?;
    comments.send(tables, COPY_COMMENTS).await
}

fn task_line(lines: &mut Lines, row: &TaskRow) {
    lines
        .plain(row.id)
        .plain(row.key)
        .plain(row.version)
        .plain(row.position)
        .text(&row.title)
        .text_or_null(row.description.text())
        .plain(&row.status)
        .plain(row.priority)
        .plain_or_null(row.due_date)
        .plain_or_null(row.due_at)
        .text_or_null(row.due_zone.as_deref())
        .text(&array(&row.labels))
        .plain(ids(&row.assignees))
        .plain(ids(&row.watchers))
        .plain(row.creator)
        .plain_or_null(row.parent)
        .text_or_null(row.external_system.as_deref())
        .text_or_null(row.external_id.as_deref())
        .plain(row.private)
        .plain(row.progress)
        .text(&json(&row.relations))
        .text(&json(&row.checklist))
        .plain(row.comment_count)
        .plain(row.create_time)
        .plain(row.update_time)
        .plain(row.ahead)
        .plain_or_null(row.delete_time)
        .plain_or_null(row.purge_time)
        .end();
}

fn comment_line(lines: &mut Lines, comment: &CommentRow) {
    lines
        .plain(comment.task_id)
        .plain(comment.id)
        .plain(comment.author)
        .text(&comment.text)
        .plain(comment.create_time)
        .plain_or_null(comment.edit_time)
        .plain(comment.version)
        .plain(comment.position)
        .end();
}

/// Ids, words and texts always have a JSON form.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "[]".into())
}
