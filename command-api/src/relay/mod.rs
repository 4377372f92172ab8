//! The event relay: copies the log into the JetStream stream `EVENTS`, every event at the sequence that is its position.
//!
//! One relay at a time holds a lease, which only saves work: what keeps two of them from doing harm is that every
//! message names the sequence it must follow. Appends wake it through `NOTIFY`; a timed poll never stops beside that.
//! Whatever goes wrong (refusal, timeout, no NATS, a wiped disk, a foreign stream), it stops, waits for what is in
//! flight, looks where the stream ends and goes on from there, or creates the stream anew. Commands never wait for it.

mod args;
mod lead;
mod publisher;
mod resume;
mod status;
mod wake;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::Context;
use event_store::{
    Log, Pressure,
    lease::Lease,
    stream::{EventStream, StreamConfig},
};
use service::metrics::Metrics;
use sqlx::PgPool;
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

pub use args::StreamArgs;
pub use status::RelayStatus;

use status::StatusBoard;

/// The name of the relay's lease.
const LEASE: &str = "event-relay";

/// How the relay works.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// What the stream keeps.
    pub stream: StreamConfig,
    /// How long after a crash another relay takes over.
    pub lease: Duration,
    /// How often the log is asked without a notification.
    pub poll: Duration,
    /// How many messages may wait for their acknowledgement.
    pub in_flight: usize,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            stream: StreamConfig::default(),
            lease: Duration::from_secs(3),
            poll: Duration::from_millis(250),
            in_flight: 512,
        }
    }
}

/// A relay that can run; several may run on one log.
#[derive(Debug)]
pub struct Relay {
    log: Log,
    pool: PgPool,
    stream: EventStream,
    config: RelayConfig,
    status: StatusBoard,
    wake: Arc<Notify>,
    pressure: Pressure,
}

impl Relay {
    /// A relay from the log behind this pool (role `taskledger_command`; one connection is kept for `LISTEN`).
    pub fn new(pool: PgPool, jetstream: Context, config: RelayConfig) -> Self {
        Self {
            log: Log::connect(pool.clone()),
            pool,
            stream: EventStream::new(jetstream),
            config,
            status: StatusBoard::default(),
            wake: Arc::default(),
            pressure: Pressure::default(),
        }
    }

    /// Gives way to the commands of this process.
    #[must_use]
    pub fn giving_way(self, pressure: Pressure) -> Self {
        Self { pressure, ..self }
    }

    /// Shows position, lag and leadership as `taskledger_relay_*`.
    #[must_use]
    pub fn metered(self, metrics: &Metrics) -> Self {
        self.status.register(metrics);
        self
    }

    /// What it is doing, now and later.
    pub fn status(&self) -> tokio::sync::watch::Receiver<RelayStatus> {
        self.status.subscribe()
    }

    /// Runs until `stop`: waits for the lease, publishes while it holds it, gives it back at the end.
    pub async fn run(self, stop: CancellationToken) {
        let lease = Lease::new(self.pool.clone(), LEASE, self.config.lease);
        while !stop.is_cancelled() {
            match lease.acquire().await {
                Ok(Some(epoch)) => self.hold(&lease, epoch, &stop).await,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the relay's lease cannot be asked for"),
            }
            let _ = time::timeout(lease.renewal(), stop.cancelled()).await;
        }
    }

    /// Leads until the lease is lost or the end has come.
    async fn hold(&self, lease: &Lease, epoch: i64, stop: &CancellationToken) {
        tracing::info!(epoch, "this process relays the log");
        self.status.lead(true);
        tokio::select! {
            () = stop.cancelled() => {}
            () = lost(lease) => tracing::warn!(epoch, "the relay's lease went to another process"),
            _ = wake::listen(&self.pool, &self.wake) => {}
            _ = self.lead() => {}
        }
        self.status.lead(false);
        if let Ok(Err(error)) = time::timeout(lease.renewal(), lease.release()).await {
            tracing::warn!(%error, "the relay's lease could not be given back");
        }
    }
}

/// Renews the lease until another holds it. A database that does not answer takes no lease away.
async fn lost(lease: &Lease) {
    let mut timer = time::interval(lease.renewal());
    loop {
        timer.tick().await;
        match lease.acquire().await {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => tracing::warn!(%error, "the relay's lease cannot be renewed"),
        }
    }
}
