use std::{convert::Infallible, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, time};

/// What every append notifies.
const CHANNEL: &str = "event_store";

const RECONNECT: Duration = Duration::from_secs(1);

/// Wakes the relay at every append; when the connection fails it wakes it once more and connects again. Notifications
/// may be lost, so the relay polls as well.
pub(super) async fn listen(pool: &PgPool, wake: &Notify) -> Infallible {
    loop {
        if let Err(error) = listen_once(pool, wake).await {
            tracing::warn!(%error, "appends do not wake the relay, it polls");
        }
        wake.notify_one();
        time::sleep(RECONNECT).await;
    }
}

async fn listen_once(pool: &PgPool, wake: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    wake.notify_one();
    while listener.try_recv().await?.is_some() {
        while listener.next_buffered().is_some() {}
        wake.notify_one();
    }
    Ok(())
}
