//! What somebody is told inside the product, the newest first.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::notice::{FieldChange as Changed, Happening};
use event_store::{Log, LogError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use super::{Sight, names};
use crate::model::{FieldChange, Notice, NoticeTask, Person};

/// More unread ones are not counted.
const COUNTED: i64 = 1_000;

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeCursor {
    position: i64,
    id: Uuid,
}

impl NoticeCursor {
    /// Behind this one.
    pub fn of(notice: &Notice) -> Self {
        Self { position: notice.position, id: notice.id }
    }
}

/// What tells cheaply whether an inbox has changed.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct InboxState {
    /// Sequence of the last act of reading.
    pub read: i64,
    /// Number of the newest notice, seen or not.
    pub newest: i64,
    /// The furthest event of those that are new.
    pub position: i64,
}

/// How an inbox stands, as far as it is behind a notice.
pub async fn inbox_state(pool: &PgPool, user: Uuid, after: i64) -> sqlx::Result<InboxState> {
    const SQL: &str = "SELECT coalesce(max(number), $2) AS newest, coalesce(max(position), 0) AS position, \
         coalesce((SELECT version FROM delivery.inboxes WHERE user_id = $1), 0) AS read \
         FROM delivery.notices WHERE user_id = $1 AND number > $2";
    sqlx::query_as(SQL).bind(user).bind(after).fetch_one(pool).await
}

/// Number of the newest notice of a user, 0 if there is none.
pub async fn newest_notice(pool: &PgPool, user: Uuid) -> sqlx::Result<i64> {
    const SQL: &str = "SELECT coalesce(max(number), 0) FROM delivery.notices WHERE user_id = $1";
    sqlx::query_scalar(SQL).bind(user).fetch_one(pool).await
}

#[derive(Debug, FromRow)]
struct Row {
    number: i64,
    id: Uuid,
    position: i64,
    read: bool,
    category: String,
    template: String,
    happening: Json<Happening>,
    create_time: DateTime<Utc>,
}

const READ: &str = "(n.position <= coalesce(i.read_up_to, 0) OR n.id = ANY(coalesce(i.read, '{}')))";

/// Nobody is reminded of a task that they do not see any more; that one was deleted may be known.
fn push_mine(sql: &mut QueryBuilder<'_, Postgres>, user: Uuid, sight: Sight, unread: bool) {
    sql.push(" FROM delivery.notices n JOIN read_model.tasks t ON t.id = n.task_id ");
    sql.push("LEFT JOIN delivery.inboxes i ON i.user_id = n.user_id WHERE n.user_id = ").push_bind(user);
    sql.push(" AND (t.delete_time IS NULL OR n.happening ->> 'trigger' = 'task.deleted') AND ");
    sight.push(sql);
    if unread {
        sql.push(" AND NOT ").push(READ);
    }
}

/// The notices of a user behind a page's end, at most `limit`; only those not read, if asked so.
pub async fn notices(
    pool: &PgPool,
    (user, sight): (Uuid, Sight),
    unread: bool,
    after: Option<NoticeCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Notice>> {
    let mut sql = select(user, sight, unread);
    if let Some(after) = after {
        sql.push(" AND (n.position, n.id) < (")
            .push_bind(after.position)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    sql.push(" ORDER BY n.position DESC, n.id DESC LIMIT ").push_bind(limit);
    show(pool, sql.build_query_as().fetch_all(pool).await?).await
}

/// The notices of a user behind one number, up to another, at most `limit`: the first that came first, each with its number.
pub async fn notices_between(
    pool: &PgPool,
    (user, sight): (Uuid, Sight),
    (after, up_to): (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<(i64, Notice)>> {
    let mut sql = select(user, sight, false);
    sql.push(" AND n.number > ").push_bind(after).push(" AND n.number <= ").push_bind(up_to);
    sql.push(" ORDER BY n.number LIMIT ").push_bind(limit);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(pool).await?;
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    Ok(numbers.into_iter().zip(show(pool, rows).await?).collect())
}

fn select(user: Uuid, sight: Sight, unread: bool) -> QueryBuilder<'static, Postgres> {
    let mut sql = QueryBuilder::new("SELECT n.number, n.id, n.position, n.category, n.template, ");
    sql.push("n.happening, n.create_time, ");
    sql.push(READ).push(" AS read");
    push_mine(&mut sql, user, sight, unread);
    sql
}

async fn show(pool: &PgPool, rows: Vec<Row>) -> sqlx::Result<Vec<Notice>> {
    let people: BTreeSet<Uuid> =
        rows.iter().flat_map(|row| row.happening.people().map(|id| id.0).collect::<Vec<_>>()).collect();
    let names = names(pool, &people.into_iter().collect::<Vec<_>>()).await?;
    let person = |id: Uuid| Person { id, name: names.get(&id).cloned() };
    Ok(rows.into_iter().map(|row| shown(row, &person)).collect())
}

fn shown(row: Row, person: &impl Fn(Uuid) -> Person) -> Notice {
    let Happening { event, trigger, task, key, title, actor, occurred_at, changes } = row.happening.0;
    Notice {
        id: row.id,
        position: row.position,
        read: row.read,
        category: row.category,
        template: row.template,
        event_id: event.0,
        trigger,
        occurred_at,
        actor: actor.map(|actor| person(actor.0)),
        task: NoticeTask { id: task.0, key: key.to_string(), title: title.to_string() },
        changes: changes.into_iter().map(|change| named(change, person)).collect(),
        create_time: row.create_time.into(),
    }
}

/// People with their names, as in histories.
fn named(change: Changed, person: &impl Fn(Uuid) -> Person) -> FieldChange {
    let people: Vec<Uuid> = change.people().map(|id| id.0).collect();
    let shown = |value: Value| {
        let known = people.iter().find(|id| value == id.to_string().as_str());
        known.map_or(value.clone(), |id| json!(person(*id)))
    };
    FieldChange { field: change.field, old: shown(change.old), new: shown(change.new) }
}

/// How many notices of a user are not read, a thousand at most.
pub async fn unread(pool: &PgPool, user: Uuid, sight: Sight) -> sqlx::Result<i64> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT n.id");
    push_mine(&mut sql, user, sight, true);
    sql.push(" LIMIT ").push_bind(COUNTED).push(") AS unread");
    sql.build_query_scalar().fetch_one(pool).await
}

/// Up to which event all is told.
pub async fn notices_position(pool: &PgPool) -> sqlx::Result<i64> {
    const SQL: &str =
        "SELECT coalesce(max(position), 0) FROM delivery.checkpoints WHERE consumer = 'notices'";
    sqlx::query_scalar(SQL).fetch_one(pool).await
}

/// Whether anything has happened after `reached`, up to `position`, that is told or read.
pub async fn notices_missing(log: &Log, reached: i64, position: i64) -> Result<bool, LogError> {
    const SQL: &str = "SELECT EXISTS (SELECT FROM event_store.events WHERE position > $1 AND position <= $2 \
         AND aggregate_type IN ('task', 'user', 'notification_rule', 'inbox'))";
    Ok(sqlx::query_scalar(SQL).bind(reached).bind(position).fetch_one(log.pool()).await?)
}
