use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use service::metrics::Metrics;
use tokio::sync::watch;

/// What the relay is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// Does this process hold the lease?
    pub leading: bool,
    /// Position of the last event known to be in the stream.
    pub published: i64,
    /// Position of the last event known to be in the log.
    pub head: i64,
    /// How often this process created the stream.
    pub created: u64,
}

impl RelayStatus {
    /// How many events the stream is behind the log.
    pub fn lag(&self) -> i64 {
        (self.head - self.published).max(0)
    }
}

/// The status for those who wait, and as gauges; a process that does not lead shows no lag.
#[derive(Debug, Default)]
pub(super) struct StatusBoard {
    status: watch::Sender<RelayStatus>,
    leading: Gauge<i64, AtomicI64>,
    published: Gauge<i64, AtomicI64>,
    lag: Gauge<i64, AtomicI64>,
    created: Counter<u64, AtomicU64>,
}

impl StatusBoard {
    pub(super) fn register(&self, metrics: &Metrics) {
        metrics.register(|registry| {
            registry.register("relay_leading", "Does this process relay the log", self.leading.clone());
            let help = "Position of the last event in the stream";
            registry.register("relay_published_position", help, self.published.clone());
            registry.register("relay_lag_events", "Events not yet in the stream", self.lag.clone());
            registry.register("relay_streams_created", "Streams created anew", self.created.clone());
        });
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<RelayStatus> {
        self.status.subscribe()
    }

    pub(super) fn lead(&self, leading: bool) {
        self.change(|status| status.leading = leading);
    }

    pub(super) fn published(&self, position: i64) {
        self.change(|status| {
            status.published = position;
            status.head = status.head.max(position);
        });
    }

    pub(super) fn head(&self, position: i64) {
        self.change(|status| status.head = position);
    }

    /// The stream is new and will begin with this position.
    pub(super) fn created(&self, first: i64) {
        self.created.inc();
        self.change(|status| {
            status.created += 1;
            status.published = first - 1;
        });
    }

    fn change(&self, change: impl FnOnce(&mut RelayStatus)) {
        self.status.send_modify(|status| {
            change(status);
            self.leading.set(status.leading.into());
            self.published.set(status.published);
            self.lag.set(if status.leading { status.lag() } else { 0 });
        });
    }
}
