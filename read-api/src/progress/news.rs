//! News of single things on core NATS, for those who watch one.

use std::time::Duration;

use tokio::{
    sync::broadcast::{Receiver, Sender, error::RecvError},
    time::timeout,
};
use uuid::Uuid;

/// News that may wait for whoever watches; who misses some looks by himself.
const WAITING: usize = 64;
/// Whoever watches looks this often, whether or not somebody has told of a change.
const LOOK: Duration = Duration::from_secs(1);

/// Which things of one kind have changed just now.
#[derive(Debug)]
pub(super) struct News(Sender<Uuid>);

impl Default for News {
    fn default() -> Self {
        Self(Sender::new(WAITING))
    }
}

impl News {
    pub(super) fn tell(&self, id: Uuid) {
        // Nobody watches any, perhaps.
        let _watched = self.0.send(id);
    }

    pub(super) fn of(&self, id: Uuid) -> NewsOf {
        NewsOf { id, told: self.0.subscribe() }
    }
}

/// Hears of one thing; some news may be missed.
#[derive(Debug)]
pub struct NewsOf {
    id: Uuid,
    told: Receiver<Uuid>,
}

impl NewsOf {
    /// Waits until somebody tells of it, or until it is time to look anyway; says whether anybody has told.
    pub async fn stir(&mut self) -> bool {
        let told = async {
            loop {
                match self.told.recv().await {
                    Ok(other) if other != self.id => {}
                    // It may have been among those that were missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        timeout(LOOK, told).await.is_ok()
    }
}
