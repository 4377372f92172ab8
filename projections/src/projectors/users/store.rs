//! User rows from and to the table, many at a time.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Rows, UserRow};
use crate::projectors::literal::array;

const LOAD: &str = "
SELECT id, version, position, email, name, erased, verified, deactivated, locale, time_zone, roles, source_system,
    source_id, create_time, update_time
FROM users WHERE id = ANY($1)";

/// The rows of these users, where there are any.
pub(super) async fn load(tables: &mut PgConnection, users: &[Uuid]) -> sqlx::Result<Rows> {
    let rows: Vec<UserRow> = sqlx::query_as(LOAD).bind(users).fetch_all(tables).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

const WRITE: &str = "
INSERT INTO users (id, version, position, email, name, erased, verified, deactivated, locale, time_zone, roles,
    source_system, source_id, create_time, update_time)
SELECT id, version, position, email, name, erased, verified, deactivated, locale, time_zone, roles::text[],
    source_system, source_id, create_time, update_time
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::boolean[],
    $8::boolean[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[],
    $15::timestamptz[]) AS u (id, version, position, email, name, erased, verified, deactivated, locale, time_zone,
    roles, source_system, source_id, create_time, update_time)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, position = excluded.position, email = excluded.email,
    name = excluded.name, erased = excluded.erased, verified = excluded.verified,
    deactivated = excluded.deactivated, locale = excluded.locale, time_zone = excluded.time_zone,
    roles = excluded.roles, source_system = excluded.source_system, source_id = excluded.source_id,
    update_time = excluded.update_time";

/// Inserts or rewrites these rows.
pub(super) async fn write(tables: &mut PgConnection, rows: &[UserRow]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    fn all<'a, T>(rows: &'a [UserRow], field: impl Fn(&'a UserRow) -> T) -> Vec<T> {
        rows.iter().map(field).collect()
    }
    sqlx::query(WRITE)
        .bind(all(rows, |row| row.id))
        .bind(all(rows, |row| row.version))
        .bind(all(rows, |row| row.position))
        .bind(all(rows, |row| row.email.as_deref()))
        .bind(all(rows, |row| row.name.as_deref()))
        .bind(all(rows, |row| row.erased))
        .bind(all(rows, |row| row.verified))
        .bind(all(rows, |row| row.deactivated))
        .bind(all(rows, |row| row.locale.as_deref()))
        .bind(all(rows, |row| row.time_zone.as_deref()))
        .bind(all(rows, |row| array(&row.roles)))
        .bind(all(rows, |row| row.source_system.as_deref()))
        .bind(all(rows, |row| row.source_id.as_deref()))
        .bind(all(rows, |row| row.create_time))
        .bind(all(rows, |row| row.update_time))
        .execute(tables)
        .await?;
    Ok(())
}
