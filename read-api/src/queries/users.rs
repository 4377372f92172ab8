//! Users and their names.

use std::collections::HashMap;

use domain::{
    policy::{Role, RoleSet},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, QueryBuilder, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    search::escaped,
    task_row::{damaged, time},
};
use crate::model::{PrivateFields, User};

/// A user with everything that anybody may see of him.
pub struct UserRow {
    /// The user with the private fields filled in.
    pub user: User,
    create_time: Timestamp,
}

/// Which users are asked for.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Any of these states.
    pub states: Vec<String>,
    /// Part of the name, whatever its case.
    pub name: Option<String>,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCursor {
    create_time: Timestamp,
    pub(super) id: Uuid,
}

impl UserCursor {
    /// The place behind this user.
    pub fn behind(row: &UserRow) -> Self {
        Self { create_time: row.create_time, id: row.user.id }
    }
}

const COLUMNS: &str = "u.id, u.version, u.email, u.name, u.erased, u.state, u.locale, u.time_zone, u.roles, \
     u.create_time, u.update_time";

impl FromRow<'_, PgRow> for UserRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let create_time = time(row, "create_time")?;
        let private = PrivateFields {
            email: row.try_get("email")?,
            roles: roles(row)?,
            locale: row.try_get("locale")?,
            time_zone: row.try_get("time_zone")?,
            create_time,
            update_time: time(row, "update_time")?,
        };
        let user = User {
            id: row.try_get("id")?,
            version: row.try_get("version")?,
            name: row.try_get("name")?,
            state: row.try_get("state")?,
            erased: row.try_get("erased")?,
            private: Some(private),
        };
        Ok(Self { user, create_time })
    }
}

fn roles(row: &PgRow) -> sqlx::Result<RoleSet> {
    let words: Vec<String> = row.try_get("roles")?;
    words
        .iter()
        .map(|word| word.parse::<Role>())
        .collect::<Result<_, _>>()
        .map_err(|error| damaged("roles", error))
}

/// One user.
pub async fn user(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<UserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM read_model.users u WHERE u.id = $1");
    sqlx::query_as(&sql).bind(id).fetch_optional(pool).await
}

/// The users behind `after` that pass the filter, oldest first, at most `limit`.
pub async fn users(
    pool: &PgPool,
    filter: &UserFilter,
    after: Option<UserCursor>,
    limit: i64,
) -> sqlx::Result<Vec<UserRow>> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push(" FROM read_model.users u WHERE true");
    if !filter.states.is_empty() {
        sql.push(" AND u.state = ANY(").push_bind(filter.states.clone()).push(")");
    }
    if let Some(name) = &filter.name {
        sql.push(" AND lower(u.name) LIKE lower(").push_bind(format!("%{}%", escaped(name))).push(")");
    }
    if let Some(after) = after {
        sql.push(" AND (u.create_time, u.id) > (").push_bind(after.create_time.as_datetime());
        sql.push(", ").push_bind(after.id).push(")");
    }
    sql.push(" ORDER BY u.create_time, u.id LIMIT ").push_bind(limit);
    sql.build_query_as().fetch_all(pool).await
}

impl FromRow<'_, PgRow> for UserCursor {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { create_time: time(row, "create_time")?, id: row.try_get("id")? })
    }
}

/// Where the users behind `after` stand who came to be at `latest` or before, at most `limit`.
pub(super) async fn user_places(
    pool: &PgPool,
    after: Option<UserCursor>,
    latest: Option<Timestamp>,
    limit: i64,
) -> sqlx::Result<Vec<UserCursor>> {
    const SQL: &str = "SELECT u.create_time, u.id FROM read_model.users u \
         WHERE (u.create_time, u.id) > (coalesce($1::timestamptz, '-infinity'), $2) AND u.create_time <= coalesce($3::timestamptz, 'infinity') \
         ORDER BY u.create_time, u.id LIMIT $4";
    sqlx::query_as(SQL)
        .bind(after.map(|after| after.create_time.as_datetime()))
        .bind(after.map_or_else(Uuid::nil, |after| after.id))
        .bind(latest.map(|latest| latest.as_datetime()))
        .bind(limit)
        .fetch_all(pool)
        .await
}

/// These users.
pub async fn users_of(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<Vec<UserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM read_model.users u WHERE u.id = ANY($1) ORDER BY u.id");
    sqlx::query_as(&sql).bind(ids).fetch_all(pool).await
}

/// Users behind this id, in the order of their ids, at most `limit`.
pub async fn users_behind(pool: &PgPool, after: Uuid, limit: i64) -> sqlx::Result<Vec<UserRow>> {
    let sql = format!("SELECT {COLUMNS} FROM read_model.users u WHERE u.id > $1 ORDER BY u.id LIMIT $2");
    sqlx::query_as(&sql).bind(after).bind(limit).fetch_all(pool).await
}

/// The names of these users; who is unknown or erased has none.
pub async fn names(pool: &PgPool, ids: &[Uuid]) -> sqlx::Result<HashMap<Uuid, String>> {
    const NAMES: &str = "SELECT id, name FROM read_model.users WHERE id = ANY($1) AND name IS NOT NULL";
    let rows: Vec<(Uuid, String)> = sqlx::query_as(NAMES).bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}
