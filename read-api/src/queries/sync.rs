//! What devices take in: the tasks, comments and users behind an id, those that changed, and who ceased to see what.

use std::collections::BTreeMap;

use domain::{
    event::RecordedEvent,
    task::{Task as State, TaskEvent},
};
use event_store::{Log, LogError};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Sight,
    history::understand,
    task_row::{TASK_COLUMNS, TaskRow},
};
use crate::model::{SyncComment, Task};

/// The events that make a task seen by somebody, or no more.
const OF_SIGHT: [&str; 8] = [
    "task.created",
    "task.visibility_changed",
    "task.assigned",
    "task.unassigned",
    "task.watched",
    "task.unwatched",
    "task.deleted",
    "task.undeleted",
];

/// One event, as far as it says what has changed.
#[derive(Clone, Debug, FromRow)]
pub struct Change {
    /// Where it stands.
    pub position: i64,
    /// `task`, `user` or another kind.
    pub kind: String,
    /// What it happened to.
    pub id: String,
    /// Its type.
    pub event_type: String,
    /// The comment, assignee or watcher that it is about.
    pub part: Option<String>,
}

impl Change {
    /// What it happened to.
    pub fn aggregate(&self) -> Option<Uuid> {
        self.id.parse().ok()
    }

    /// The part of a task that it is about.
    pub fn part(&self) -> Option<Uuid> {
        self.part.as_ref()?.parse().ok()
    }
}

/// The events after `after` up to `up_to`, at most `limit`.
pub async fn changes(log: &Log, after: i64, up_to: i64, limit: i64) -> Result<Vec<Change>, LogError> {
    const SQL: &str = "SELECT position, aggregate_type AS kind, aggregate_id AS id, event_type, \
         CASE WHEN aggregate_type = 'task' THEN coalesce(payload ->> 'comment', payload ->> 'assignee', payload ->> 'user') \
         END AS part FROM event_store.events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3";
    Ok(sqlx::query_as(SQL).bind(after).bind(up_to).bind(limit).fetch_all(log.pool()).await?)
}

/// The live tasks behind this id that can be seen, in the order of their ids, at most `limit`.
pub async fn tasks_behind(pool: &PgPool, sight: Sight, after: Uuid, limit: i64) -> sqlx::Result<Vec<Task>> {
    let mut sql = live_tasks(sight);
    sql.push(" AND t.id > ").push_bind(after).push(" ORDER BY t.id LIMIT ").push_bind(limit);
    tasks(pool, sql).await
}

/// Those of these tasks that live and can be seen.
pub async fn tasks_of(pool: &PgPool, sight: Sight, ids: Vec<Uuid>) -> sqlx::Result<Vec<Task>> {
    let mut sql = live_tasks(sight);
    sql.push(" AND t.id = ANY(").push_bind(ids).push(") ORDER BY t.id");
    tasks(pool, sql).await
}

fn live_tasks(sight: Sight) -> QueryBuilder<'static, Postgres> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(TASK_COLUMNS).push(" FROM read_model.tasks t WHERE ");
    sight.push(&mut sql);
    sight.push_deleted(&mut sql, false);
    sql
}

async fn tasks(pool: &PgPool, mut sql: QueryBuilder<'static, Postgres>) -> sqlx::Result<Vec<Task>> {
    let rows: Vec<TaskRow> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| row.task).collect())
}

impl FromRow<'_, PgRow> for SyncComment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { task: row.try_get("task_id")?, comment: FromRow::from_row(row)? })
    }
}

/// The comments behind this one on live tasks that can be seen, in the order of the ids of tasks and comments, at most
/// `limit`; on these tasks only, if some are named.
pub async fn comments_behind(
    pool: &PgPool,
    sight: Sight,
    only: Option<Vec<Uuid>>,
    (task, comment): (Uuid, Uuid),
    limit: i64,
) -> sqlx::Result<Vec<SyncComment>> {
    let mut sql = seen_comments(sight);
    sql.push(" AND (c.task_id, c.id) > (").push_bind(task).push(", ").push_bind(comment).push(")");
    if let Some(only) = only {
        sql.push(" AND c.task_id = ANY(").push_bind(only).push(")");
    }
    sql.push(" ORDER BY c.task_id, c.id LIMIT ").push_bind(limit);
    sql.build_query_as().fetch_all(pool).await
}

/// Those of these comments, each with its task, that stand and can be seen.
pub async fn comments_of(
    pool: &PgPool,
    sight: Sight,
    wanted: &[(Uuid, Uuid)],
) -> sqlx::Result<Vec<SyncComment>> {
    let (tasks, comments): (Vec<Uuid>, Vec<Uuid>) = wanted.iter().copied().unzip();
    let mut sql = seen_comments(sight);
    sql.push(" AND (c.task_id, c.id) IN (SELECT * FROM unnest(").push_bind(tasks);
    sql.push(", ").push_bind(comments).push(")) ORDER BY c.task_id, c.id");
    sql.build_query_as().fetch_all(pool).await
}

fn seen_comments(sight: Sight) -> QueryBuilder<'static, Postgres> {
    let mut sql = QueryBuilder::new(
        "SELECT c.task_id, c.id, c.version, c.author, c.text, c.create_time, c.edit_time, \
         (SELECT u.name FROM read_model.users u WHERE u.id = c.author) AS name \
         FROM read_model.comments c JOIN read_model.tasks t ON t.id = c.task_id WHERE ",
    );
    sight.push(&mut sql);
    sight.push_deleted(&mut sql, false);
    sql
}

/// How a task went out of sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It was deleted.
    Deleted,
    /// It is for others now.
    AccessLost,
}

/// Those of these tasks that could be seen at some moment from position `from` on, and at `up_to` no more. Who has never
/// seen a task is not told that it exists.
pub async fn departures(
    log: &Log,
    sight: Sight,
    ids: &[Uuid],
    from: i64,
    up_to: i64,
) -> Result<Vec<(Uuid, Departure)>, LogError> {
    let mut tasks = BTreeMap::<Uuid, Vec<RecordedEvent>>::new();
    for event in log.read_aggregates("task", ids, &OF_SIGHT, up_to).await? {
        tasks.entry(event.aggregate_id).or_default().push(event);
    }
    let gone = tasks.into_iter().filter_map(|(id, events)| Some((id, departure(sight, &events, from)?)));
    Ok(gone.collect())
}

fn departure(sight: Sight, events: &[RecordedEvent], from: i64) -> Option<Departure> {
    let sees = |task: &State| task.exists() && !task.deleted && sight.sees(task);
    let (mut task, mut seen) = (State::default(), false);
    for event in events {
        // As the projection has it, which sets aside what it cannot understand, and what comes after.
        let Ok(fact) = understand::<TaskEvent>(event) else { break };
        seen |= event.position > from && sees(&task);
        cqrs_es::Aggregate::apply(&mut task, fact);
        seen |= event.position > from && sees(&task);
    }
    match (seen && !sees(&task), task.deleted && sight.sees(&task)) {
        (false, _) => None,
        (true, true) => Some(Departure::Deleted),
        (true, false) => Some(Departure::AccessLost),
    }
}
