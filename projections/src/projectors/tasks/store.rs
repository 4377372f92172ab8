//! Task rows from and to the table, many at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, types::Json};
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

/// Parameters of [`INSERT`] and [`UPDATE`] as a table `u`; arrays and JSON come as texts.
macro_rules! with_rows {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::boolean[], ",
            "$8::text[], $9::smallint[], $10::date[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], ",
            "$15::text[], $16::uuid[], $17::uuid[], $18::text[], $19::text[], $20::boolean[], $21::smallint[], ",
            "$22::jsonb[], $23::jsonb[], $24::integer[], $25::timestamptz[], $26::timestamptz[], ",
            "$27::boolean[], $28::timestamptz[], $29::timestamptz[]) AS u (id, key, version, position, title, ",
            "description, described, status, priority, due_date, due_at, due_zone, labels, assignees, watchers, ",
            "creator, parent, external_system, external_id, private, progress, relations, checklist, comment_count, create_time, ",
            "update_time, ahead, delete_time, purge_time) ",
            $after
        )
    };
}

const INSERT: &str = with_rows!(
    "INSERT INTO tasks (id, key, version, position, title, description, status, priority, due_date, due_at, due_zone,
        labels, assignees, watchers, creator, parent, external_system, external_id, private, progress, relations,
        checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time)
    SELECT id, key, version, position, title, description, status, priority, due_date, due_at, due_zone,
        labels::text[], assignees::uuid[], watchers::uuid[], creator, parent, external_system, external_id, private,
        progress, relations, checklist, comment_count, create_time, update_time, ahead, delete_time, purge_time FROM",
    ""
);

/// Key, creator and create_time never change; an unchanged description keeps its place outside the row.
const UPDATE: &str = with_rows!(
    "UPDATE tasks AS t SET version = u.version, position = u.position, title = u.title,
        description = CASE WHEN u.described THEN u.description ELSE t.description END, status = u.status,
        priority = u.priority, due_date = u.due_date, due_at = u.due_at, due_zone = u.due_zone,
        labels = u.labels::text[], assignees = u.assignees::uuid[], watchers = u.watchers::uuid[], parent = u.parent,
        external_system = u.external_system, external_id = u.external_id, private = u.private,
        progress = u.progress, relations = u.relations, checklist = u.checklist, comment_count = u.comment_count,
        update_time = u.update_time, ahead = u.ahead, delete_time = u.delete_time, purge_time = u.purge_time FROM",
    "WHERE t.id = u.id"
);

/// Inserts the tasks that are new.
pub(super) async fn insert(tables: &mut PgConnection, changed: &[Changed]) -> sqlx::Result<()> {
    let rows: Vec<&TaskRow> =
        changed.iter().filter(|task| task.before.is_none()).map(|task| &task.after).collect();
    write(tables, INSERT, &rows).await
}

/// Rewrites the tasks that were there.
pub(super) async fn update(tables: &mut PgConnection, changed: &[Changed]) -> sqlx::Result<()> {
    let rows: Vec<&TaskRow> =
        changed.iter().filter(|task| task.before.is_some()).map(|task| &task.after).collect();
    write(tables, UPDATE, &rows).await
}

async fn write(tables: &mut PgConnection, sql: &str, rows: &[&TaskRow]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    fn all<'a, T>(rows: &[&'a TaskRow], field: impl Fn(&'a TaskRow) -> T) -> Vec<T> {
        rows.iter().map(|row| field(row)).collect()
    }
    sqlx::query(sql)
        .bind(all(rows, |row| row.id))
        .bind(all(rows, |row| row.key))
        .bind(all(rows, |row| row.version))
        .bind(all(rows, |row| row.position))
        .bind(all(rows, |row| row.title.as_str()))
        .bind(all(rows, |row| row.description.text()))
        .bind(all(rows, |row| row.description != LargeText::AsStored))
        .bind(all(rows, |row| row.status.as_str()))
        .bind(all(rows, |row| row.priority))
        .bind(all::<Option<NaiveDate>>(rows, |row| row.due_date))
        .bind(all::<Option<DateTime<Utc>>>(rows, |row| row.due_at))
        .bind(all(rows, |row| row.due_zone.as_deref()))
        .bind(all(rows, |row| array(&row.labels)))
        .bind(all(rows, |row| ids(&row.assignees)))
        .bind(all(rows, |row| ids(&row.watchers)))
        .bind(all(rows, |row| row.creator))
        .bind(all(rows, |row| row.parent))
        .bind(all(rows, |row| row.external_system.as_deref()))
        .bind(all(rows, |row| row.external_id.as_deref()))
        .bind(all(rows, |row| row.private))
        .bind(all(rows, |row| row.progress))
        .bind(all(rows, |row| Json(&row.relations)))
        .bind(all(rows, |row| Json(&row.checklist)))
        .bind(all(rows, |row| row.comment_count))
        .bind(all(rows, |row| row.create_time))
        .bind(all(rows, |row| row.update_time))
        .bind(all(rows, |row| row.ahead))
        .bind(all(rows, |row| row.delete_time))
        .bind(all(rows, |row| row.purge_time))
        .execute(tables)
        .await?;
    Ok(())
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
