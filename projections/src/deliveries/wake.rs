//! Workers hear of new deliveries when they are committed; their timed poll finds whatever they did not hear of.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, postgres::PgListener};
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use crate::delivery::Delivery;

/// For all channels: a look that finds nothing costs little.
const TOPIC: &str = "taskledger_deliveries";
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Says that there may be something to do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Wake(watch::Receiver<()>);

impl Wake {
    /// Listens until told to stop.
    pub fn listen(delivery: &Delivery, stop: CancellationToken) -> (Self, impl Future<Output = ()> + use<>) {
        let (told, heard) = watch::channel(());
        let pool = delivery.pool().clone();
        (Self(heard), listen(pool, told, stop))
    }

    /// Resolves when there may be something new; never without anybody who listens.
    pub(super) async fn called(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

async fn listen(pool: PgPool, told: watch::Sender<()>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = hear(&pool, &told) => if let Err(error) = ended {
                tracing::debug!(%error, "new deliveries are looked for by the clock");
            }
        }
        let _ = time::timeout(PAUSE, stop.cancelled()).await;
    }
}

async fn hear(pool: &PgPool, told: &watch::Sender<()>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(TOPIC).await?;
    // None says that the connection was lost; something may have been said meanwhile.
    loop {
        listener.try_recv().await?;
        told.send_replace(());
    }
}

/// Wakes everybody when the transaction commits.
pub(crate) async fn tell(tables: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_notify($1, '')").bind(TOPIC).execute(tables).await.map(drop)
}
