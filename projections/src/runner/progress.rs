//! Telling readers how far a projection is, so that they need not ask the database for every request.

use async_nats::Client;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What goes over core NATS after commits; a later one replaces the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The version of the projection's tables.
    pub version: i32,
    /// Lowest checkpoint of all its lanes, whoever holds them.
    pub position: i64,
}

/// `progress.tasks`.
pub fn subject(projection: &str) -> String {
    format!("progress.{projection}")
}

/// Publishes the latest progress until told to stop. A message that is lost costs readers a poll.
pub async fn publish(
    client: Client,
    projection: &'static str,
    mut latest: watch::Receiver<Progress>,
    stop: CancellationToken,
) {
    let subject = subject(projection);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = latest.changed() => if changed.is_err() { return },
        }
        let progress = *latest.borrow_and_update();
        let Ok(message) = serde_json::to_vec(&progress) else { continue };
        if let Err(error) = client.publish(subject.clone(), message.into()).await {
            tracing::debug!(projection, %error, "progress not published");
        }
    }
}
