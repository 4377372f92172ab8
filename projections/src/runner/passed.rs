//! Events that concern a projection in nothing: no row changes, so its checkpoint may move a little later.

use std::{mem, sync::Arc, time::Duration};

use event_store::envelope::Envelope;
use tokio::time::{self, Instant};

/// A checkpoint stays behind for so long at most; a transaction costs the same whether or not there is news in it.
const LINGER: Duration = Duration::from_millis(100);

/// Consecutive events from the checkpoint on, handled together with the next news or when it is time.
#[derive(Debug, Default)]
pub(super) struct Passed {
    events: Vec<Arc<Envelope>>,
    since: Option<Instant>,
}

impl Passed {
    /// How many fewer are held than this.
    pub(super) fn room(&self, most: usize) -> usize {
        most.saturating_sub(self.events.len())
    }

    /// Holds these too; how long they may stay is counted from the first.
    pub(super) fn add(&mut self, events: Vec<Arc<Envelope>>) {
        self.since.get_or_insert_with(Instant::now);
        self.events.extend(events);
    }

    /// All that was held, and these after it.
    pub(super) fn take_with(&mut self, events: Vec<Arc<Envelope>>) -> Vec<Arc<Envelope>> {
        let held = mem::take(self).events;
        if held.is_empty() { events } else { held.into_iter().chain(events).collect() }
    }

    /// What has been held for long enough; never ends while nothing is held.
    pub(super) async fn overdue(&mut self) -> Vec<Arc<Envelope>> {
        match self.since {
            Some(since) => time::sleep_until(since + LINGER).await,
            None => std::future::pending().await,
        }
        mem::take(self).events
    }
}
