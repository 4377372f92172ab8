//! Sessions: what a login opens and tokens name.

use chrono::{DateTime, Utc};
use domain::{ids::UserId, personal::Sealed};
use sqlx::PgPool;
use uuid::Uuid;

/// A session as it begins.
pub(super) struct NewSession<'a> {
    pub(super) id: Uuid,
    pub(super) user: UserId,
    pub(super) auth_time: DateTime<Utc>,
    /// `amr`
    pub(super) methods: &'a [&'a str],
    pub(super) ip: &'a Sealed,
    pub(super) user_agent: Option<&'a Sealed>,
}

/// Opens it.
pub(super) async fn open(pool: &PgPool, session: &NewSession<'_>) -> Result<(), sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, user_agent) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    let query = sqlx::query(SQL).bind(session.id).bind(session.user.0).bind(session.auth_time);
    let query = query.bind(session.methods).bind(&session.ip.0);
    query.bind(session.user_agent.map(|sealed| &sealed.0)).execute(pool).await.map(drop)
}
