//! A page of tasks, sorted, continued from the sort key of the last one seen.

use chrono::{DateTime, NaiveTime, Utc};
use domain::task::values::{Due, Priority};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Sight, TaskFilter,
    task_row::{TASK_COLUMNS, TaskRow},
    when::Source,
};
use crate::model::Task;

/// By what a list of tasks is sorted; the id decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// When last changed.
    #[default]
    UpdateTime,
    /// When created.
    CreateTime,
    /// When due; what is never due counts as due at the end of time.
    Due,
    /// From `low` to `urgent`.
    Priority,
    /// By number.
    Key,
}

/// A sort key and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Largest first.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { key: SortKey::UpdateTime, descending: true }
    }
}

impl SortKey {
    /// All sort keys with their wire words.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("update_time", Self::UpdateTime),
        ("create_time", Self::CreateTime),
        ("due", Self::Due),
        ("priority", Self::Priority),
        ("key", Self::Key),
    ];

    pub(super) fn column(self, source: Source) -> String {
        let (row, column) = match self {
            Self::UpdateTime => ("t", "update_time"),
            Self::CreateTime => (source.task(), "create_time"),
            Self::Due => ("t", "due_order"),
            Self::Priority => ("t", "priority"),
            Self::Key => (source.task(), "key"),
        };
        format!("{row}.{column}")
    }

    fn value_of(self, task: &Task) -> Value {
        match self {
            Self::UpdateTime => Value::Time(Some(task.update_time.as_datetime())),
            Self::CreateTime => Value::Time(Some(task.create_time.as_datetime())),
            Self::Due => Value::Time(task.due.map(due_order)),
            Self::Priority => Value::Rank(rank(task.priority)),
            Self::Key => Value::Number(task.key.0),
        }
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCursor {
    value: Value,
    id: Uuid,
}

/// A sort key's value; no time = the end of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Value {
    Time(Option<DateTime<Utc>>),
    Rank(i16),
    Number(i64),
}

impl TaskCursor {
    /// The place behind this task.
    pub fn behind(sort: Sort, task: &Task) -> Self {
        Self { value: sort.key.value_of(task), id: task.id }
    }

    fn push(&self, sql: &mut QueryBuilder<'_, Postgres>, sort: Sort, source: Source) {
        let comparison = if sort.descending { "<" } else { ">" };
        sql.push(format_args!(" AND ({}, t.id) {comparison} (", sort.key.column(source)));
        self.value.push(sql);
        sql.push(", ").push_bind(self.id).push(")");
    }
}

impl Value {
    pub(super) fn push(self, sql: &mut QueryBuilder<'_, Postgres>) {
        match self {
            Self::Time(Some(time)) => sql.push_bind(time),
            Self::Time(None) => sql.push("'infinity'::timestamptz"),
            Self::Rank(rank) => sql.push_bind(rank),
            Self::Number(number) => sql.push_bind(number),
        };
    }
}

/// The tasks behind `after` that pass the filter and can be seen, at most `limit`.
pub async fn task_page(
    pool: &PgPool,
    filter: &TaskFilter,
    sight: Sight,
    sort: Sort,
    after: Option<&TaskCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Task>> {
    let mut sql = page_sql(TASK_COLUMNS, filter, filter.when.standing(), sight, sort, after);
    push_order(&mut sql, filter.when.standing(), sort, limit);
    let rows: Vec<TaskRow> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| row.task).collect())
}

/// What is behind `after`; the order is yet to be added.
pub(super) fn page_sql(
    columns: &str,
    filter: &TaskFilter,
    source: Source,
    sight: Sight,
    sort: Sort,
    after: Option<&TaskCursor>,
) -> QueryBuilder<'static, Postgres> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(columns).push(" FROM ").push(source.tables());
    filter.push_where(&mut sql, source, sight);
    if let Some(after) = after {
        after.push(&mut sql, sort, source);
    }
    sql
}

/// Adds the order and the length of the page.
pub(super) fn push_order(sql: &mut QueryBuilder<'_, Postgres>, source: Source, sort: Sort, limit: i64) {
    let direction = if sort.descending { "DESC" } else { "ASC" };
    let column = sort.key.column(source);
    sql.push(format_args!(" ORDER BY {column} {direction}, t.id {direction} LIMIT "));
    sql.push_bind(limit);
}

/// As the read model orders it: the instant, or the start of the day in UTC.
fn due_order(due: Due) -> DateTime<Utc> {
    match due {
        Due::Date { date } => date.and_time(NaiveTime::MIN).and_utc(),
        Due::At { at, .. } => at.as_datetime(),
    }
}

fn rank(priority: Priority) -> i16 {
    priority as i16
}
