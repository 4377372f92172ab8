//! How much may be on its way to one recipient.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::webhooks::{Endpoint, NAME};

/// Unfinished deliveries at most.
pub(super) const WINDOW: i64 = 1_000;

/// What still may be sent to each endpoint.
#[derive(Debug)]
pub(super) struct Windows(HashMap<Uuid, i64>);

const UNFINISHED: &str = "
SELECT recipient::uuid, count(*) FROM deliveries
WHERE channel = $1 AND recipient = ANY($2) AND state IN ('pending', 'failed') GROUP BY recipient";

impl Windows {
    /// As things stand; endpoints that come later have nothing on their way.
    pub(super) async fn of(tables: &mut PgConnection, endpoints: &[Endpoint]) -> sqlx::Result<Self> {
        let recipients: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id.to_string()).collect();
        let query = sqlx::query_as(UNFINISHED).bind(NAME).bind(recipients);
        let unfinished: Vec<(Uuid, i64)> = query.fetch_all(tables).await?;
        Ok(Self(unfinished.into_iter().map(|(id, count)| (id, WINDOW - count)).collect()))
    }

    /// Takes room for one more; false if there is none.
    pub(super) fn take(&mut self, endpoint: Uuid) -> bool {
        let room = self.0.entry(endpoint).or_insert(WINDOW);
        *room -= 1;
        *room >= 0
    }
}
