//! Whose inboxes have got something, for those whom NATS does not tell.

use sqlx::PgPool;
use uuid::Uuid;

use super::Progress;

/// Notices that are looked at in one turn; the others come with the next.
const PAGE: i64 = 10_000;

const NEWEST: &str = "SELECT coalesce(max(number), 0) FROM delivery.notices";
const BEHIND: &str = "
SELECT number, user_id FROM delivery.notices WHERE number > $1 ORDER BY number LIMIT $2";

/// The notice up to which all was told.
#[derive(Debug, Default)]
pub(super) struct Told(Option<i64>);

impl Told {
    /// One query for all who listen, however many they are.
    pub(super) async fn tell(&mut self, progress: &Progress, pool: &PgPool) -> sqlx::Result<()> {
        let Some(told) = self.0 else {
            self.0 = Some(sqlx::query_scalar(NEWEST).fetch_one(pool).await?);
            return Ok(());
        };
        let behind: Vec<(i64, Uuid)> = sqlx::query_as(BEHIND).bind(told).bind(PAGE).fetch_all(pool).await?;
        for (number, user) in behind {
            progress.0.inboxes.tell(user);
            self.0 = Some(number);
        }
        Ok(())
    }
}
