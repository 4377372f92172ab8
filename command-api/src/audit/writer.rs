//! The one task that writes the audit log.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Record,
    budget::Budget,
    row::{self, Row},
};
use crate::commands::{Commands, Refusal};

/// Rows of one INSERT at most, and how long the first of them waits.
const BATCH: usize = 256;
const FLUSH: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long requests under way may still leave records behind once the process is to end.
const LAST_RECORDS: Duration = Duration::from_secs(15);

struct Writer {
    commands: Commands,
    budget: Budget,
    minute: Instant,
    /// Not yet sealed; while the database is away no more than a batch is taken from the queue.
    records: VecDeque<Record>,
    rows: Vec<Row>,
}

/// Writes until nobody is left who keeps records, but not long after `shutdown`.
pub(super) async fn run(commands: Commands, mut queue: Receiver<Record>, shutdown: CancellationToken) {
    let (budget, minute) = (Budget::default(), Instant::now());
    let mut writer = Writer { commands, budget, minute, records: VecDeque::new(), rows: Vec::new() };
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

impl Writer {
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

    async fn write(&mut self) -> Result<(), Refusal> {
        while let Some(record) = self.records.front() {
            self.rows.push(Row::of(record.clone(), &self.commands).await?);
            self.records.pop_front();
        }
        if !self.rows.is_empty() {
            let written = row::insert(self.commands.log().pool(), &self.rows).await;
            written.map_err(event_store::LogError::from)?;
            self.rows.clear();
        }
        Ok(())
    }
}
