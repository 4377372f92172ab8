//! Telling on NATS whose inbox has changed, for those who listen to it.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_nats::Client;
use service::inbox::subject;
use tokio::time::timeout;
use uuid::Uuid;

/// While NATS is away, its client takes so many messages and then makes us wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whom the events of the last transaction concern.
#[derive(Debug, Default)]
pub(super) struct News(Mutex<BTreeSet<Uuid>>);

impl News {
    /// Not told before the transaction is committed; if it is not, these are decided on again.
    pub(super) fn keep(&self, changed: BTreeSet<Uuid>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = changed;
    }

    fn take(&self) -> BTreeSet<Uuid> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn tell(&self, nats: &Client) {
        let telling = async {
            for user in self.take() {
                nats.publish(subject(user), Vec::new().into()).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        };
        match timeout(PATIENCE, telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "changes of inboxes were not told"),
            Err(_) => tracing::debug!("changes of inboxes were not told in time"),
        }
    }
}
