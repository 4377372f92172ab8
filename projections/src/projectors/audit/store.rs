//! Audit rows to the table.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Row;
use crate::projectors::binary::Rows;

const COPY: &str = "
COPY audit_events (position, occurred_at, recorded_at, action, target, actor, session, request, ip, user_agent)
FROM STDIN (FORMAT binary)";

/// Adds rows, as fast as Postgres takes them.
pub(super) async fn copy(tables: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    let mut copied = Rows::of(10);
    for Row { at, session, ip, user_agent } in rows {
        let request = (at.request_id != at.correlation_id).then_some(at.request_id);
        copied
            .row()
            .number(at.position)
            .time(at.occurred_at)
            .time(at.recorded_at)
            .text(&at.event_type)
            .id(at.aggregate_id)
            .or_null(at.actor_id, |row, actor| row.id(actor.0))
            .or_null(*session, Rows::id)
            .or_null(request, Rows::id)
            .or_null(*ip, Rows::address)
            .or_null(user_agent.as_deref(), Rows::text);
    }
    copied.send(tables, COPY).await
}

/// Where it was a stranger who acted, the address is of the person that it was about.
const PURGE: [&str; 2] = [
    "UPDATE audit_events SET ip = NULL, user_agent = NULL
     WHERE actor = ANY($1) OR target = ANY($1) AND actor IS NULL",
    "UPDATE read_model.audit_attempts SET ip = NULL, user_agent = NULL, query = NULL
     WHERE actor = ANY($1) OR target = ANY($1) AND actor IS NULL",
];

/// Forgets from where these persons acted: they are erased.
pub(super) async fn purge(tables: &mut PgConnection, persons: &[Uuid]) -> sqlx::Result<()> {
    for sql in PURGE {
        sqlx::query(sql).bind(persons).execute(&mut *tables).await?;
    }
    Ok(())
}
