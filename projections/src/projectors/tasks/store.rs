//! Task rows from and to the table, many at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use super::{
    Changed,
    row::{LargeText, TaskRow},
};
use crate::projectors::literal::array;

const LOAD: &str = "
SELECT id, key, version, position, title, status, priority, due_date, due_at, due_zone, labels, assignees, watchers,
    creator, parent, external_system, external_id, private, progress, relations, checklist, comment_count,
    create_time, update_time, ahead, delete_time, purge_time
FROM tasks WHERE id = ANY($1)";

/// The rows of these tasks, without descriptions and comments.
pub(super) async fn load(tables: &mut PgConnection, tasks: &[Uuid]) -> sqlx::Result<BTreeMap<Uuid, TaskRow>> {
    if tasks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<TaskRow> = sqlx::query_as(LOAD).bind(tasks).fetch_all(tables).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

const INSERT: &str = ", inserted AS (
    INSERT INTO tasks (id, key, version, position, title, description, status, priority, due_date, due_at, due_zone,
        labels, assignees, watchers, creator, parent, external_system, external_id, private, progress, relations,
        checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time)
    SELECT id, key, version, position, title, description, status, priority, due_date, due_at, due_zone,
        labels::text[], assignees::uuid[], watchers::uuid[], creator, parent, external_system, external_id, private,
        progress, relations, checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time
    FROM ";

/// Key, creator and create_time never change; an unchanged description keeps its place outside the row.
const UPDATE: &str = ", updated AS (
    UPDATE tasks AS t SET version = u.version, position = u.position, title = u.title,
        description = CASE WHEN u.described THEN u.description ELSE t.description END, status = u.status,
        priority = u.priority, due_date = u.due_date, due_at = u.due_at, due_zone = u.due_zone,
        labels = u.labels::text[], assignees = u.assignees::uuid[], watchers = u.watchers::uuid[], parent = u.parent,
        external_system = u.external_system, external_id = u.external_id, private = u.private,
        progress = u.progress, relations = u.relations, checklist = u.checklist, comment_count = u.comment_count,
        update_time = u.update_time, ahead = u.ahead, delete_time = u.delete_time, purge_time = u.purge_time
    FROM ";

/// Inserts the tasks that are new and rewrites those that were there.
pub(super) fn push<'a>(sql: &mut QueryBuilder<'a, Postgres>, changed: &'a [Changed]) {
    let (there, new): (Vec<&Changed>, Vec<&Changed>) = changed.iter().partition(|task| task.before.is_some());
    if !new.is_empty() {
        push_rows(sql.push(INSERT), &new);
        sql.push(")");
    }
    if !there.is_empty() {
        push_rows(sql.push(UPDATE), &there);
        sql.push(" WHERE t.id = u.id)");
    }
}

/// The rows as a table `u`; arrays come as texts.
fn push_rows<'a>(sql: &mut QueryBuilder<'a, Postgres>, changed: &[&'a Changed]) {
    fn all<'a, T>(changed: &[&'a Changed], field: impl Fn(&'a TaskRow) -> T) -> Vec<T> {
        changed.iter().map(|task| field(&task.after)).collect()
    }
    sql.push("unnest(")
        .separated(", ")
        .push_bind(all(changed, |row| row.id))
        .push_bind(all(changed, |row| row.key))
        .push_bind(all(changed, |row| row.version))
        .push_bind(all(changed, |row| row.position))
        .push_bind(all(changed, |row| row.title.as_str()))
        .push_bind(all(changed, |row| row.description.text()))
        .push_bind(all(changed, |row| row.description != LargeText::AsStored))
        .push_bind(all(changed, |row| row.status.as_str()))
        .push_bind(all(changed, |row| row.priority))
        .push_bind(all::<Option<NaiveDate>>(changed, |row| row.due_date))
        .push_bind(all::<Option<DateTime<Utc>>>(changed, |row| row.due_at))
        .push_bind(all(changed, |row| row.due_zone.as_deref()))
        .push_bind(all(changed, |row| array(&row.labels)))
        .push_bind(all(changed, |row| ids(&row.assignees)))
        .push_bind(all(changed, |row| ids(&row.watchers)))
        .push_bind(all(changed, |row| row.creator))
        .push_bind(all(changed, |row| row.parent))
        .push_bind(all(changed, |row| row.external_system.as_deref()))
        .push_bind(all(changed, |row| row.external_id.as_deref()))
        .push_bind(all(changed, |row| row.private))
        .push_bind(all(changed, |row| row.progress))
        .push_bind(all(changed, |row| Json(&row.relations)))
        .push_bind(all(changed, |row| Json(&row.checklist)))
        .push_bind(all(changed, |row| row.comment_count))
        .push_bind(all(changed, |row| row.create_time))
        .push_bind(all(changed, |row| row.update_time))
        .push_bind(all(changed, |row| row.ahead))
        .push_bind(all(changed, |row| row.delete_time))
        .push_bind(all(changed, |row| row.purge_time));
    sql.push(
        ") AS u (id, key, version, position, title, description, described, status, priority, due_date, due_at, due_zone,
            labels, assignees, watchers, creator, parent, external_system, external_id, private, progress, relations,
            checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time)",
    );
}

/// `{uuid,uuid}`.
pub(super) fn ids(ids: &[Uuid]) -> String {
    array(ids.iter().map(Uuid::to_string))
}

impl LargeText {
    /// The text to write, if there is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::AsStored => None,
            Self::Set(text) => text.as_deref(),
        }
    }
}
