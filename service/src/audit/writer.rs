//! The one task that writes the audit log.

use std::{collections::VecDeque, fmt, time::Duration};

use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Record, Row, SealedOrigin, budget::Budget};
use crate::node::Node;

/// Rows of one INSERT at most, and how long the first of them waits.
const BATCH: usize = 256;
const FLUSH: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long requests under way may still leave records behind once the process is to end.
const LAST_RECORDS: Duration = Duration::from_secs(15);

/// What a service can do with records, each with the rights that it has.
pub trait Keeper: Send + Sync + 'static {
    /// Why it cannot be done now.
    type Error: fmt::Display + Send;

    /// Looks up whose affair it was, and seals what is personal.
    fn seal(&self, record: &Record) -> impl Future<Output = Result<SealedOrigin, Self::Error>> + Send;

    /// Adds rows; those that are there already, by an earlier sending whose answer was lost, stay as they are.
    fn write(&self, rows: &[Row]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

struct Writer<K> {
    keeper: K,
    node: Node,
    budget: Budget,
    minute: Instant,
    /// Not yet sealed; while the database is away no more than a batch is taken from the queue.
    records: VecDeque<Record>,
    rows: Vec<Row>,
}

/// Writes until nobody is left who keeps records, but not long after `shutdown`.
pub(super) async fn run(
    keeper: impl Keeper,
    node: Node,
    mut queue: Receiver<Record>,
    shutdown: CancellationToken,
) {
    let (budget, minute) = (Budget::default(), Instant::now());
    let mut writer = Writer { keeper, node, budget, minute, records: VecDeque::new(), rows: Vec::new() };
    let mut timer = interval(FLUSH);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = std::pin::pin!(async {
        shutdown.cancelled().await;
        sleep_until(Instant::now() + LAST_RECORDS).await;
    });
    loop {
        let room = BATCH.saturating_sub(writer.records.len() + writer.rows.len());
        let mut received = Vec::new();
        tokio::select! {
            () = &mut end => break,
            _ = timer.tick() => writer.flush().await,
            count = queue.recv_many(&mut received, room), if room > 0 => {
                if count == 0 {
                    break;
                }
                writer.take(received).await;
            }
        }
    }
    writer.end_minute();
    writer.flush().await;
}

impl<K: Keeper> Writer<K> {
    async fn take(&mut self, received: Vec<Record>) {
        if self.minute.elapsed() >= MINUTE {
            self.end_minute();
        }
        for record in received {
            self.records.extend(self.budget.spend(record));
        }
        if self.records.len() + self.rows.len() >= BATCH {
            self.flush().await;
        }
    }

    fn end_minute(&mut self) {
        self.minute = Instant::now();
        self.records.extend(self.budget.close());
    }

    /// What cannot be written now waits for the next time.
    async fn flush(&mut self) {
        if self.minute.elapsed() >= MINUTE {
            self.end_minute();
        }
        if let Err(error) = self.write().await {
            tracing::warn!(%error, "the audit log cannot be written");
        }
    }

    async fn write(&mut self) -> Result<(), K::Error> {
        while let Some(record) = self.records.pop_front() {
            match self.keeper.seal(&record).await {
                Ok(origin) => self.rows.push(Row::of(record, origin, &self.node)),
                Err(error) => {
                    self.records.push_front(record);
                    return Err(error);
                }
            }
        }
        if !self.rows.is_empty() {
            self.keeper.write(&self.rows).await?;
            self.rows.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{audit::Audit, process::Surroundings};

    /// Takes nothing until it may.
    #[derive(Clone, Default)]
    struct Stubborn(Arc<Mutex<(bool, usize)>>);

    impl Keeper for Stubborn {
        type Error = &'static str;

        async fn seal(&self, _: &Record) -> Result<SealedOrigin, Self::Error> {
            Ok(SealedOrigin::default())
        }

        async fn write(&self, rows: &[Row]) -> Result<(), Self::Error> {
            let mut taken = self.0.lock().unwrap();
            taken.1 += if taken.0 { rows.len() } else { 0 };
            if taken.0 { Ok(()) } else { Err("not now") }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_waits_and_what_finds_no_room_is_counted() {
        let (keeper, surroundings) = (Stubborn::default(), Surroundings::default());
        let audit = Audit::spawn(keeper.clone(), &surroundings);
        // Different actions, so that none is summed up.
        for number in 0..10_000 {
            audit.keep(Record { action: number.to_string().into(), ..super::super::budget::sample() });
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let dropped = surroundings.metrics.audit_records_dropped().get();
        assert!((5_000..6_000).contains(&dropped), "{dropped}");
        assert!(surroundings.metrics.encode().contains("taskledger_audit_records_dropped_total"));
        keeper.0.lock().unwrap().0 = true;
        drop(audit);
        surroundings.shutdown.begin();
        assert!(surroundings.shutdown.wait().await);
        assert_eq!(keeper.0.lock().unwrap().1 as u64, 10_000 - dropped);
    }
}
