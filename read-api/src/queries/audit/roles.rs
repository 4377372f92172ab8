//! Who had which roles when, from the log itself.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::policy::{Role, RoleSet};
use event_store::Log;
use serde::Deserialize;
use sqlx::{FromRow, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    model::{Person, RoleHolder},
    queries::{Counting, history::HistoryError, users::names},
};

/// What gives and takes roles.
const EVENTS: [&str; 4] =
    ["user.invited", "user.service_account_created", "user.role_granted", "user.role_revoked"];
const REVOKED: &str = "user.role_revoked";

/// The roles of some users as they changed.
#[derive(Debug, Default)]
pub(super) struct Roles(HashMap<Uuid, Vec<(DateTime<Utc>, RoleSet)>>);

#[derive(Deserialize)]
struct Payload {
    role: Option<Role>,
    #[serde(default)]
    roles: Vec<Role>,
}

impl Roles {
    /// Reads what these users were given and lost.
    pub(super) async fn of(log: &Log, users: &BTreeSet<Uuid>) -> sqlx::Result<Self> {
        const SQL: &str = "SELECT aggregate_id, recorded_at, event_type, payload FROM event_store.events \
             WHERE aggregate_type = 'user' AND aggregate_id = ANY($1) AND event_type = ANY($2) ORDER BY position";
        let ids: Vec<String> = users.iter().map(Uuid::to_string).collect();
        let rows: Vec<(String, DateTime<Utc>, String, Json<Payload>)> =
            sqlx::query_as(SQL).bind(ids).bind(EVENTS.as_slice()).fetch_all(log.pool()).await?;
        let mut roles = Self::default();
        for (user, at, event, Json(payload)) in rows {
            let Ok(user) = user.parse() else { continue };
            let changes = roles.0.entry(user).or_default();
            let before = changes.last().map_or(RoleSet::EMPTY, |(_, held)| *held);
            let after = match payload.role {
                Some(role) if event == REVOKED => before.without(role),
                Some(role) => before.with(role),
                None => payload.roles.into_iter().fold(before, RoleSet::with),
            };
            changes.push((at, after));
        }
        Ok(roles)
    }

    /// The roles that a user had at this time.
    pub(super) fn at(&self, user: Uuid, time: DateTime<Utc>) -> RoleSet {
        let changes = self.0.get(&user).into_iter().flatten();
        changes.take_while(|(at, _)| *at <= time).last().map_or(RoleSet::EMPTY, |(_, held)| *held)
    }
}

#[derive(FromRow)]
struct Holder {
    id: Uuid,
    position: i64,
    recorded_at: DateTime<Utc>,
    given_by: Option<Uuid>,
}

const HOLDERS: &str = "
SELECT * FROM (
    SELECT DISTINCT ON (aggregate_id) aggregate_id::uuid AS id, position, recorded_at, event_type,
        (metadata ->> 'actor_id')::uuid AS given_by
    FROM event_store.events
    WHERE event_type = ANY($1) AND position <= $2 AND aggregate_id > $4
        AND (payload ->> 'role' = $3 OR jsonb_exists((payload -> 'roles')::jsonb, $3))
    ORDER BY aggregate_id, position DESC
) AS last WHERE event_type <> 'user.role_revoked' ORDER BY id LIMIT $5";

/// Those who had a role at a position of the log, by id, with who gave it to them.
pub async fn role_holders(
    log: &Log,
    users: &PgPool,
    role: Role,
    at: i64,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<RoleHolder>, HistoryError> {
    let rows: Vec<Holder> = sqlx::query_as(HOLDERS)
        .bind(EVENTS.as_slice())
        .bind(at)
        .bind(role.as_str())
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all(log.pool())
        .await?;
    let people: Vec<Uuid> = rows.iter().flat_map(|row| [Some(row.id), row.given_by]).flatten().collect();
    let names = names(users, &people).await?;
    let person = |id: Uuid| Person { id, name: names.get(&id).cloned() };
    let holder = |row: Holder| RoleHolder {
        user: person(row.id),
        since: row.recorded_at.into(),
        position: row.position,
        given_by: row.given_by.map(person),
    };
    Ok(rows.into_iter().map(holder).collect())
}

/// How many had a role at a position of the log.
pub async fn role_holder_count(log: &Log, role: Role, at: i64, counting: Counting) -> sqlx::Result<i64> {
    let sql = counting.sql(HOLDERS);
    let query =
        sqlx::query(&sql).bind(EVENTS.as_slice()).bind(at).bind(role.as_str()).bind("").bind(i64::MAX);
    counting.read(&query.fetch_one(log.pool()).await?)
}
