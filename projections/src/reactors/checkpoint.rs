//! A reactor's checkpoint and lease.

use std::time::Duration;

use event_store::follow::Checkpoint;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Where a reactor goes on.
pub(super) struct Start {
    pub(super) checkpoint: Checkpoint,
    /// Events up to there are taken in without any effect.
    pub(super) decides_after: i64,
    /// The log that the checkpoint belongs to.
    pub(super) log_epoch: Uuid,
}

/// One process at a time reacts: the name of the reactor, the process, and how long it is believed to live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) reactor: &'static str,
    pub(super) owner: Uuid,
    pub(super) lease: Duration,
}

const PREPARE: &str = "
INSERT INTO checkpoints (consumer, log_epoch, position, event_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

const TAKE: &str = "
UPDATE checkpoints SET lease_owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE consumer = $1 AND (lease_owner = $2 OR lease_until < clock_timestamp())
RETURNING position, event_id, log_epoch, decides_after";

const LEAVE: &str = "
UPDATE checkpoints SET lease_until = '-infinity' WHERE consumer = $1 AND lease_owner = $2";

const LOCK: &str = "SELECT position FROM checkpoints WHERE consumer = $1 AND lease_owner = $2 FOR UPDATE";

impl Claim {
    /// Writes down where a reactor begins that never was.
    pub(super) async fn prepare(&self, pool: &PgPool, epoch: Uuid, at: Checkpoint) -> sqlx::Result<()> {
        let query = sqlx::query(PREPARE).bind(self.reactor).bind(epoch);
        query.bind(at.position).bind(at.event_id.map(|id| id.0)).execute(pool).await.map(drop)
    }

    /// Takes or renews the lease; none while another holds it.
    pub(super) async fn take(&self, pool: &PgPool) -> sqlx::Result<Option<Start>> {
        let query = sqlx::query_as(TAKE).bind(self.reactor).bind(self.owner).bind(self.lease.as_secs_f64());
        let row: Option<(i64, Option<Uuid>, Uuid, i64)> = query.fetch_optional(pool).await?;
        Ok(row.map(|(position, event_id, log_epoch, decides_after)| Start {
            checkpoint: Checkpoint { position, event_id: event_id.map(Into::into) },
            decides_after,
            log_epoch,
        }))
    }

    /// Lets others have the lease at once.
    pub(super) async fn leave(&self, pool: &PgPool) -> sqlx::Result<()> {
        sqlx::query(LEAVE).bind(self.reactor).bind(self.owner).execute(pool).await.map(drop)
    }

    /// Locks the checkpoint; false if another process has moved it or is about to.
    pub(super) async fn lock(&self, tables: &mut PgConnection, written: Checkpoint) -> sqlx::Result<bool> {
        let query = sqlx::query_scalar(LOCK).bind(self.reactor).bind(self.owner);
        let found: Option<i64> = query.fetch_optional(tables).await?;
        Ok(found == Some(written.position))
    }

    /// Moves the checkpoint.
    pub(super) async fn advance(&self, tables: &mut PgConnection, to: Checkpoint) -> sqlx::Result<()> {
        const SQL: &str = "UPDATE checkpoints SET position = $2, event_id = $3 WHERE consumer = $1";
        let query = sqlx::query(SQL).bind(self.reactor).bind(to.position).bind(to.event_id.map(|id| id.0));
        query.execute(tables).await.map(drop)
    }
}
