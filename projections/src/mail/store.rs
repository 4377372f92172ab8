//! The sender's checkpoint and lease, and the mails.

use std::time::Duration;

use event_store::{envelope::Envelope, follow::Checkpoint};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::compose::Mail;

/// The sender's row in `checkpoints`.
const NAME: &str = "mail";
/// Mails that the mailbox keeps.
const KEPT: i64 = 1_000;

/// Where a sender goes on.
pub(super) struct Start {
    pub(super) checkpoint: Checkpoint,
    /// The log that the checkpoint belongs to.
    pub(super) log_epoch: Uuid,
}

const PREPARE: &str = "INSERT INTO checkpoints (consumer, log_epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const TAKE: &str = "
UPDATE checkpoints SET lease_owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE consumer = $1 AND (lease_owner = $2 OR lease_until < clock_timestamp())
RETURNING position, event_id, log_epoch";

/// Takes or renews the lease; none while another holds it. A sender that never was begins with the log of this epoch.
pub(super) async fn take(
    pool: &PgPool,
    owner: Uuid,
    lease: Duration,
    epoch: Uuid,
) -> sqlx::Result<Option<Start>> {
    sqlx::query(PREPARE).bind(NAME).bind(epoch).execute(pool).await?;
    let query = sqlx::query_as(TAKE).bind(NAME).bind(owner).bind(lease.as_secs_f64());
    let row: Option<(i64, Option<Uuid>, Uuid)> = query.fetch_optional(pool).await?;
    Ok(row.map(|(position, event_id, log_epoch)| Start {
        checkpoint: Checkpoint { position, event_id: event_id.map(Into::into) },
        log_epoch,
    }))
}

/// Lets others have the lease at once.
pub(super) async fn leave(pool: &PgPool, owner: Uuid) -> sqlx::Result<()> {
    const SQL: &str =
        "UPDATE checkpoints SET lease_until = '-infinity' WHERE consumer = $1 AND lease_owner = $2";
    sqlx::query(SQL).bind(NAME).bind(owner).execute(pool).await.map(drop)
}

/// Locks the checkpoint; false if another sender has moved it or is about to.
pub(super) async fn lock(
    delivery: &mut PgConnection,
    owner: Uuid,
    written: Checkpoint,
) -> sqlx::Result<bool> {
    const SQL: &str = "SELECT position FROM checkpoints WHERE consumer = $1 AND lease_owner = $2 FOR UPDATE";
    let found: Option<i64> = sqlx::query_scalar(SQL).bind(NAME).bind(owner).fetch_optional(delivery).await?;
    Ok(found == Some(written.position))
}

/// Moves the checkpoint.
pub(super) async fn advance(delivery: &mut PgConnection, to: Checkpoint) -> sqlx::Result<()> {
    const SQL: &str = "UPDATE checkpoints SET position = $2, event_id = $3 WHERE consumer = $1";
    let query = sqlx::query(SQL).bind(NAME).bind(to.position).bind(to.event_id.map(|id| id.0));
    query.execute(delivery).await.map(drop)
}

const INSERT: &str = "
INSERT INTO mails (event_id, user_id, address, subject, text, html) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (event_id) DO NOTHING";

/// Puts a mail into the mailbox, unless it is there.
pub(super) async fn insert(delivery: &mut PgConnection, at: &Envelope, mail: &Mail) -> sqlx::Result<()> {
    let query = sqlx::query(INSERT).bind(at.id.0).bind(at.aggregate_id).bind(&mail.address);
    query.bind(&mail.subject).bind(&mail.text).bind(&mail.html).execute(delivery).await.map(drop)
}

/// Forgets the oldest mails.
pub(super) async fn trim(delivery: &mut PgConnection) -> sqlx::Result<()> {
    const SQL: &str = "DELETE FROM mails WHERE id <= (SELECT max(id) FROM mails) - $1";
    sqlx::query(SQL).bind(KEPT).execute(delivery).await.map(drop)
}
