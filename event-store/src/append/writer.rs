//! The one task that writes: gathers what waits and sends it off. While Postgres writes one batch, the next may already
//! stand in line for the head of the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::Receiver,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{AppenderConfig, Waiting, way::Way};

/// After a batch of a few units the next one leaves so long after it at the earliest: a call costs as much as several units
/// do. Who comes alone never waits, and many make a good batch anyway.
const PACE: Duration = Duration::from_millis(1);
const FEW: std::ops::Range<usize> = 2..16;

/// With so many units a batch leaves although another is under way: Postgres turns to it as soon as it has written the
/// other. Fewer had better wait and become more.
const MANY: usize = 32;
/// Batches under way at most.
const WAYS: usize = 2;

/// Gathers what waits and sends it off.
pub(super) struct Writer {
    config: Arc<AppenderConfig>,
    units: Receiver<Waiting>,
    /// What no longer fitted into the last batch.
    carried: Option<Waiting>,
    idle: Vec<Way>,
    under_way: JoinSet<Way>,
    /// Units of the batches under way.
    sent: Arc<AtomicUsize>,
}

/// Units that leave together.
struct Gathered {
    units: Vec<Waiting>,
    bytes: usize,
}

/// Units under way count for as long as this lives.
struct Sent {
    all: Arc<AtomicUsize>,
    count: usize,
}

impl Sent {
    fn of(all: &Arc<AtomicUsize>, count: usize) -> Self {
        all.fetch_add(count, Ordering::Relaxed);
        Self { all: Arc::clone(all), count }
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.all.fetch_sub(self.count, Ordering::Relaxed);
    }
}

impl Writer {
    pub(super) fn new(config: AppenderConfig, units: Receiver<Waiting>) -> Self {
        Self {
            config: Arc::new(config),
            units,
            carried: None,
            idle: Vec::new(),
            under_way: JoinSet::new(),
            sent: Arc::default(),
        }
    }

    /// Writes until the queue is closed and empty.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut due = Instant::now();
        while let Some(first) = self.next(&shutdown).await {
            // Callers just answered run first: what they append next goes into this batch, not after it.
            tokio::task::yield_now().await;
            if Instant::now() < due {
                sleep_until(due).await;
            }
            let mut batch = Gathered { bytes: first.bytes, units: vec![first] };
            let mut way = self.way(&mut batch).await;
            let batch = batch.units;
            due = Instant::now() + if FEW.contains(&batch.len()) { PACE } else { Duration::ZERO };
            let sent = Sent::of(&self.sent, batch.len());
            self.config.pressure.batch(self.sent.load(Ordering::Relaxed));
            self.under_way.spawn(async move {
                way.write(batch).await;
                drop(sent);
                way
            });
        }
        while let Some(ended) = self.under_way.join_next().await {
            self.idle.extend(ended);
        }
        for way in self.idle {
            way.close().await;
        }
    }

    /// The next unit to write; none when the queue is closed and empty.
    async fn next(&mut self, shutdown: &CancellationToken) -> Option<Waiting> {
        if let Some(waiting) = self.carried.take() {
            return Some(waiting);
        }
        tokio::select! {
            biased;
            waiting = self.units.recv() => waiting,
            () = shutdown.cancelled() => {
                self.units.close();
                self.units.recv().await
            }
        }
    }

    /// A way to send the batch; until there is one, and the batch is worth it, it grows.
    async fn way(&mut self, batch: &mut Gathered) -> Way {
        loop {
            while let Some(ended) = self.under_way.try_join_next() {
                self.idle.extend(ended);
            }
            while self.has_room(batch)
                && let Ok(unit) = self.units.try_recv()
            {
                self.add(batch, unit);
            }
            let many = batch.units.len() >= MANY || !self.has_room(batch);
            if self.under_way.is_empty() || (many && self.under_way.len() < WAYS) {
                let fresh = || Way::new(Arc::clone(&self.config));
                return self.idle.pop().unwrap_or_else(fresh);
            }
            let has_room = self.has_room(batch);
            tokio::select! {
                biased;
                Some(ended) = self.under_way.join_next() => self.idle.extend(ended),
                Some(unit) = self.units.recv(), if has_room => self.add(batch, unit),
            }
        }
    }

    fn has_room(&self, batch: &Gathered) -> bool {
        self.carried.is_none() && batch.units.len() < self.config.batch_units
    }

    /// Up to the bounds of a batch; what no longer fits is carried to the next.
    fn add(&mut self, batch: &mut Gathered, unit: Waiting) {
        if batch.bytes + unit.bytes > self.config.batch_bytes {
            self.carried = Some(unit);
        } else {
            batch.bytes += unit.bytes;
            batch.units.push(unit);
        }
    }
}
