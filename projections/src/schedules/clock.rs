//! What time it is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::time;

/// How often somebody looks whether a turn has come.
const LOOK: Duration = Duration::from_secs(5);

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Resolves when it is worth looking at the time again.
    fn passes(&self) -> BoxFuture<'_, ()>;
}

/// The machine's.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn passes(&self) -> BoxFuture<'_, ()> {
        Box::pin(time::sleep(LOOK))
    }
}
