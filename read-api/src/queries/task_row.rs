//! A row of the read model as a task.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    ids::TaskKey,
    task::values::{Due, ExternalRef, Priority, Status, TimeZone, Visibility},
    time::Timestamp,
};
use sqlx::{FromRow, Row, error::BoxDynError, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::model::{ChecklistItem, Person, Task};

/// The columns of a task for `t`, a row of `read_model.tasks`, with the names of its people: looked up one by one, for a
/// join would read all users for each task.
pub(super) const TASK_COLUMNS: &str = "t.id, t.key, t.version, t.position, t.title, t.description, t.status, \
     t.priority, t.due_date, t.due_at, t.due_zone, t.labels, t.assignees, t.watchers, t.creator, t.parent, \
     t.external_system, t.external_id, t.private, t.progress, t.relations, t.checklist, t.comment_count, \
     t.create_time, t.update_time, t.delete_time, t.purge_time, \
     (SELECT u.name FROM read_model.users u WHERE u.id = t.creator) AS creator_name, \
     ARRAY(SELECT (SELECT u.name FROM read_model.users u WHERE u.id = a.id) FROM unnest(t.assignees) AS a(id)) \
     AS assignee_names";

/// A task and the position of its last event.
pub(super) struct TaskRow {
    pub(super) task: Task,
    pub(super) position: i64,
}

impl FromRow<'_, PgRow> for TaskRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { task: task(row)?, position: row.try_get("position")? })
    }
}

fn task(row: &PgRow) -> sqlx::Result<Task> {
    let status = status(row)?;
    Ok(Task {
        id: row.try_get("id")?,
        key: TaskKey(row.try_get("key")?),
        version: row.try_get("version")?,
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        status,
        allowed: status.allowed(),
        priority: priority(row)?,
        due: due(row)?,
        labels: row.try_get("labels")?,
        assignees: assignees(row)?,
        watchers: row.try_get("watchers")?,
        creator: Person { id: row.try_get("creator")?, name: row.try_get("creator_name")? },
        parent: row.try_get("parent")?,
        relations: row.try_get::<Json<_>, _>("relations")?.0,
        checklist: row.try_get::<Json<Vec<ChecklistItem>>, _>("checklist")?.0,
        progress: row.try_get("progress")?,
        external_ref: external_ref(row)?,
        visibility: if row.try_get("private")? { Visibility::Private } else { Visibility::Team },
        comment_count: row.try_get("comment_count")?,
        create_time: time(row, "create_time")?,
        update_time: time(row, "update_time")?,
        delete_time: optional_time(row, "delete_time")?,
        purge_time: optional_time(row, "purge_time")?,
    })
}

fn status(row: &PgRow) -> sqlx::Result<Status> {
    row.try_get::<&str, _>("status")?.parse().map_err(|error| damaged("status", error))
}

fn priority(row: &PgRow) -> sqlx::Result<Priority> {
    let rank = usize::try_from(row.try_get::<i16, _>("priority")?).unwrap_or(usize::MAX);
    Priority::ALL.get(rank).copied().ok_or_else(|| damaged("priority", "no such rank"))
}

fn due(row: &PgRow) -> sqlx::Result<Option<Due>> {
    if let Some(date) = row.try_get::<Option<NaiveDate>, _>("due_date")? {
        return Ok(Some(Due::Date { date }));
    }
    let Some(at) = optional_time(row, "due_at")? else { return Ok(None) };
    let zone = TimeZone::parse(row.try_get("due_zone")?).map_err(|error| damaged("due_zone", error))?;
    Ok(Some(Due::At { at, zone }))
}

fn assignees(row: &PgRow) -> sqlx::Result<Vec<Person>> {
    let ids: Vec<Uuid> = row.try_get("assignees")?;
    let names: Vec<Option<String>> = row.try_get("assignee_names")?;
    Ok(ids.into_iter().zip(names).map(|(id, name)| Person { id, name }).collect())
}

fn external_ref(row: &PgRow) -> sqlx::Result<Option<ExternalRef>> {
    let system: Option<&str> = row.try_get("external_system")?;
    let id: Option<&str> = row.try_get("external_id")?;
    Ok(system.zip(id).map(|(system, id)| ExternalRef::new(system.into(), id.into())))
}

pub(super) fn time(row: &PgRow, column: &str) -> sqlx::Result<Timestamp> {
    row.try_get::<DateTime<Utc>, _>(column).map(Into::into)
}

pub(super) fn optional_time(row: &PgRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<DateTime<Utc>>, _>(column)?.map(Into::into))
}

pub(super) fn damaged(column: &str, source: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}
