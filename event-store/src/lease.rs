//! Leases: who does what only one process should do at a time.
//!
//! A lease saves work; it is no lock. Its holder may be paused past its end and go on unaware, so what must not happen
//! twice needs a fence of its own (the relay's is the expected sequence).

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

/// Takes the lease if it is free, has run out or is ours already.
const ACQUIRE: &str = "
    INSERT INTO event_store.leases AS lease (name, holder, expires_at)
    VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder,
           expires_at = excluded.expires_at,
           epoch = lease.epoch + CASE WHEN lease.holder = excluded.holder THEN 0 ELSE 1 END
     WHERE lease.holder = excluded.holder OR lease.expires_at < clock_timestamp()
    RETURNING epoch";

const RELEASE: &str =
    "UPDATE event_store.leases SET expires_at = '-infinity' WHERE name = $1 AND holder = $2";

/// One process's claim on a lease.
#[derive(Clone, Debug)]
pub struct Lease {
    pool: PgPool,
    name: String,
    holder: Uuid,
    duration: Duration,
}

impl Lease {
    /// A claim under this name; `duration` is how long it stays ours without renewal. Nothing is taken yet.
    pub fn new(pool: PgPool, name: impl Into<String>, duration: Duration) -> Self {
        Self { pool, name: name.into(), holder: Uuid::new_v4(), duration }
    }

    /// Takes or renews the lease and returns its epoch, which rises with every change of hands; none while another
    /// holds it.
    pub async fn acquire(&self) -> Result<Option<i64>, sqlx::Error> {
        let milliseconds = i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX);
        sqlx::query_scalar(ACQUIRE)
            .bind(&self.name)
            .bind(self.holder)
            .bind(milliseconds)
            .fetch_optional(&self.pool)
            .await
    }

    /// Gives the lease back at once, if it is still ours.
    pub async fn release(&self) -> Result<(), sqlx::Error> {
        sqlx::query(RELEASE).bind(&self.name).bind(self.holder).execute(&self.pool).await.map(|_| ())
    }

    /// How often to renew: three times within the duration.
    pub fn renewal(&self) -> Duration {
        self.duration / 3
    }
}
