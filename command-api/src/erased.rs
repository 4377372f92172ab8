//! Keeps the list of everybody erased outside the database.

use std::{path::PathBuf, sync::Arc, time::Duration};

use event_store::erased::ErasedFile;
use service::process::Surroundings;
use sqlx::PgPool;
use tokio::{sync::Notify, time::sleep};

/// However little is heard, the log is looked at so often.
const POLL: Duration = Duration::from_secs(10);

/// Completes the file at the start, as soon as somebody's rights have changed, and now and then, until the shutdown.
pub(crate) async fn keep(path: PathBuf, pool: PgPool, surroundings: Surroundings) {
    let look = Arc::new(Notify::new());
    let listener = look.clone();
    surroundings.revocations.on_change_of_rights(move |_| listener.notify_one());
    let mut file = ErasedFile::new(path);
    loop {
        if let Err(error) = file.complete(&pool).await {
            tracing::warn!(%error, "who was erased is not kept outside the database");
        }
        tokio::select! {
            () = surroundings.shutdown.begun() => return,
            () = look.notified() => {}
            () = sleep(POLL) => {}
        }
    }
}
