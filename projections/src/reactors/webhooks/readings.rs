//! Who reads the log on their own, and how far they are.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{NAME, window::WINDOW};
use crate::webhooks::{self, Route};

/// Somebody's own way through the log.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Reading {
    /// Whom the deliveries are for.
    pub(super) recipient: String,
    pub(super) webhook: Uuid,
    pub(super) replay: Option<Uuid>,
    /// Deliveries exist up to there.
    pub(super) position: i64,
    /// Of a replay the last position.
    pub(super) until: Option<i64>,
    /// What may be added to what is on its way.
    pub(super) room: i64,
    /// How far the reactor is.
    pub(super) head: i64,
    /// The log that this is about.
    pub(super) log_epoch: Uuid,
}

impl Reading {
    pub(super) fn route(&self) -> Route {
        Route { endpoint: self.webhook, replay: self.replay }
    }

    /// Events up to there are to be read now.
    pub(super) fn end(&self) -> i64 {
        self.until.unwrap_or(i64::MAX).min(self.head)
    }
}

/// Reads on its own from after this event, unless it does so already.
pub(super) async fn begin(
    tables: &mut PgConnection,
    route: Route,
    position: i64,
    until: Option<i64>,
) -> sqlx::Result<()> {
    const SQL: &str = "
        INSERT INTO webhook_readings (recipient, webhook, replay, position, until) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (recipient) DO NOTHING";
    let query = sqlx::query(SQL).bind(route.to_string()).bind(route.endpoint).bind(route.replay);
    query.bind(position).bind(until).execute(tables).await.map(drop)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.recipient, r.webhook, r.replay, r.position, r.until, $2 - b.unfinished AS room, ",
            "c.position AS head, c.log_epoch FROM webhook_readings AS r ",
            "JOIN webhooks AS w ON w.id = r.webhook JOIN checkpoints AS c ON c.consumer = $1 ",
            "CROSS JOIN LATERAL (SELECT count(*) AS unfinished FROM deliveries AS d WHERE d.channel = $3 ",
            "AND d.recipient = r.recipient AND d.state IN ('pending', 'failed')) AS b ",
            "WHERE w.state = 'enabled' ",
            $rest
        )
    };
}

/// The one that has waited longest among those that can go on. A window is filled again when it is half empty.
pub(super) async fn next(tables: &mut PgConnection) -> sqlx::Result<Option<Reading>> {
    const SQL: &str = select!("AND b.unfinished <= $2 / 2 ORDER BY r.served_at, r.recipient LIMIT 1");
    sqlx::query_as(SQL).bind(NAME).bind(WINDOW).bind(webhooks::NAME).fetch_optional(tables).await
}

/// Keeps the reactor, of whatever process, from going on before the transaction ends.
pub(super) async fn hold_head(tables: &mut PgConnection) -> sqlx::Result<()> {
    const SQL: &str = "SELECT FROM checkpoints WHERE consumer = $1 FOR UPDATE";
    sqlx::query(SQL).bind(NAME).execute(tables).await.map(drop)
}

/// The same one, for oneself; none if another process has it or it cannot go on any more.
pub(super) async fn lock(tables: &mut PgConnection, recipient: &str) -> sqlx::Result<Option<Reading>> {
    const SQL: &str = select!("AND r.recipient = $4 FOR UPDATE OF r SKIP LOCKED");
    let query = sqlx::query_as(SQL).bind(NAME).bind(WINDOW).bind(webhooks::NAME).bind(recipient);
    query.fetch_optional(tables).await
}

/// Deliveries exist up to there.
pub(super) async fn advance(tables: &mut PgConnection, recipient: &str, to: i64) -> sqlx::Result<()> {
    const SQL: &str = "
        UPDATE webhook_readings SET position = $2, served_at = clock_timestamp() WHERE recipient = $1";
    sqlx::query(SQL).bind(recipient).bind(to).execute(tables).await.map(drop)
}

/// Nothing is left to read: the replay is whole, or the reactor takes over.
pub(super) async fn end(tables: &mut PgConnection, recipient: &str) -> sqlx::Result<()> {
    const SQL: &str = "DELETE FROM webhook_readings WHERE recipient = $1";
    sqlx::query(SQL).bind(recipient).execute(tables).await.map(drop)
}
