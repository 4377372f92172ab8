//! Audit rows to the table.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Row;
use crate::projectors::literal::Lines;

const COPY: &str = "
COPY audit_events (position, occurred_at, recorded_at, action, target_type, target, actor_type, actor, session, request,
    correlation, ip, user_agent) FROM STDIN";

/// Adds rows, as fast as Postgres takes them.
pub(super) async fn copy(tables: &mut PgConnection, rows: &[Row]) -> sqlx::Result<()> {
    let mut lines = Lines::default();
    for Row { at, session, ip, user_agent } in rows {
        lines
            .plain(at.position)
            .plain(at.occurred_at)
            .plain(at.recorded_at)
            .plain(&at.event_type)
            .plain(&at.aggregate_type)
            .plain(at.aggregate_id)
            .plain(at.actor_type.as_str())
            .plain_or_null(at.actor_id)
            .plain_or_null(*session)
            .plain(at.request_id)
            .plain(at.correlation_id)
            .plain_or_null(*ip)
            .text_or_null(user_agent.as_deref())
            .end();
    }
    lines.send(tables, COPY).await
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
