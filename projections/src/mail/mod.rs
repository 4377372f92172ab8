//! Mails about a user's own account: links to verify an address and to set a password, and what happened to it.
//!
//! The sender follows the log from a checkpoint of its own, folds whom mails go to, and writes mail and checkpoint in one
//! transaction: each event gives one mail, whatever dies. One process at a time works, by a lease; the checkpoint row, which
//! every transaction locks and compares, is what keeps a second one out.

mod compose;
pub mod mailbox;
mod occasion;
mod people;
mod store;
mod texts;
mod work;

use std::{sync::Arc, time::Duration};

use event_store::{
    Log, LogError, Pressure, SealError, Sealer,
    follow::{FollowError, Tail},
};
use service::mail_token::MailTokens;
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::delivery::Delivery;

/// What the sender reads from and writes to, and with what it makes links.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Where the mails go.
    pub delivery: Delivery,
    /// Where the events come from when they do not come from …
    pub log: Log,
    /// … here.
    pub jetstream: async_nats::jetstream::Context,
    /// What the process follows together.
    pub tail: Option<Tail>,
    /// Opens addresses and names.
    pub sealer: Arc<Sealer>,
    /// Computes the tokens of links.
    pub tokens: MailTokens,
    /// What links begin with.
    pub public_url: String,
    /// What the work gives way to.
    pub pressure: Pressure,
    /// How long the lease outlives its last renewal: how long mails of a dead sender wait.
    pub lease: Duration,
}

/// How long the lease lasts, unless a test is in a hurry.
pub const LEASE: Duration = Duration::from_secs(10);
/// Pause after a failure, and while another one sends.
const PAUSE: Duration = Duration::from_secs(2);

/// Why mails are held up.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Delivery(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("addresses cannot be opened: {0}")]
    Seal(#[from] SealError),
    /// Not to be mended by trying: mails of another log might be sent again, or never.
    #[error("the log is not the one that mails were sent from: {0}")]
    OtherLog(#[from] FollowError),
    #[error("the database takes too long")]
    TooSlow,
    #[error("another process sends")]
    LeaseLost,
}

/// Sends until told to stop, whatever fails meanwhile.
pub async fn run(sender: Sender, stop: CancellationToken) {
    let owner = Uuid::now_v7();
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            ended = work::work(&sender, owner) => match ended {
                Err(error @ Setback::OtherLog(_)) => {
                    tracing::error!(%error, "no mails are sent: see the sender's row in delivery.checkpoints");
                }
                Err(Setback::LeaseLost) => tracing::debug!("another process sends the mails"),
                Err(error) => tracing::warn!(%error, "mails are held up, trying again"),
                Ok(never) => match never {},
            },
        }
        // Told to stop is as good as waited long enough.
        let _ = time::timeout(PAUSE.min(sender.lease), stop.cancelled()).await;
    }
    if let Err(error) = store::leave(sender.delivery.pool(), owner).await {
        tracing::debug!(%error, "the lease on the mails runs out by itself");
    }
}
