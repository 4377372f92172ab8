use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::jetstream::Context;
use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use super::{Checkpoint, Follower};
use crate::{Log, LogError, Pressure, envelope::Envelope};

/// How many events, and how many bytes of their envelopes, a tail keeps at most.
const EVENTS: usize = 4096;
const BYTES: usize = 16 << 20;

/// How many it takes at once.
const BATCH: usize = 256;

/// Pause before a feed that failed begins again.
const RETRY: Duration = Duration::from_secs(1);

/// The newest events of the log, followed and decoded once for all followers of a process. Cheap to clone; ends with the
/// last clone.
///
/// A follower that has come near enough to the end of the log is fed from here; it parts with its own consumer then.
#[derive(Clone)]
pub struct Tail {
    ring: Arc<Ring>,
    _feed: Arc<AbortOnDropHandle<()>>,
}

impl fmt::Debug for Tail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tail").finish_non_exhaustive()
    }
}

impl Tail {
    /// Starts with the end of the log as it is then.
    pub fn start(log: Log, jetstream: Context, pressure: Pressure) -> Self {
        let ring = Arc::<Ring>::default();
        let feed = tokio::spawn(feed(ring.clone(), log, jetstream, pressure));
        Self { ring, _feed: Arc::new(AbortOnDropHandle::new(feed)) }
    }

    pub(super) fn reader(self) -> Reader {
        let (ends, feeds) = (self.ring.end.subscribe(), self.ring.lock().feeds);
        Reader { tail: self, feeds, ends }
    }
}

/// One follower's view of a tail.
pub(super) struct Reader {
    tail: Tail,
    feeds: u64,
    ends: watch::Receiver<i64>,
}

impl Reader {
    /// Did the feed begin anew since this was last asked? Then the log may be another one.
    pub(super) fn renewed(&mut self) -> bool {
        let feeds = self.tail.ring.lock().feeds;
        std::mem::replace(&mut self.feeds, feeds) != feeds
    }

    /// Does the tail hold what comes after `position`, or will it?
    pub(super) fn reaches(&self, position: i64) -> bool {
        self.tail.ring.lock().start.is_some_and(|start| start <= position)
    }

    /// The events after `position`, at most `limit`, and no more once they have come to so many bytes; empty when there are none yet,
    /// none when the tail begins later.
    pub(super) fn after(&self, position: i64, limit: usize, bytes: usize) -> Option<Vec<Arc<Envelope>>> {
        self.tail.ring.lock().after(position, limit, bytes)
    }

    /// Waits until the tail goes beyond `position`, or its feed begins anew.
    pub(super) async fn grows(&mut self, position: i64) {
        let feeds = self.feeds;
        let ring = self.tail.ring.clone();
        let news = self.ends.wait_for(|end| *end > position || ring.lock().feeds != feeds);
        // The sender lives as long as the tail that this reader holds.
        let _open = news.await;
    }
}

#[derive(Default)]
struct Ring {
    kept: Mutex<Kept>,
    /// Position of the last event kept.
    end: watch::Sender<i64>,
}

#[derive(Default)]
struct Kept {
    /// Position before the first event kept; none while there is no feed.
    start: Option<i64>,
    events: VecDeque<Arc<Envelope>>,
    bytes: usize,
    /// How often a feed has begun or ended.
    feeds: u64,
}

impl Ring {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Empties the ring; from now on it is fed from the event after `start`, or not at all.
    fn renew(&self, start: Option<i64>) {
        let feeds = self.lock().feeds + 1;
        *self.lock() = Kept { start, feeds, ..Kept::default() };
        self.end.send_replace(start.unwrap_or_default());
    }

    fn push(&self, batch: Vec<Arc<Envelope>>) {
        let Some(last) = batch.last().map(|event| event.position) else { return };
        self.lock().push(batch);
        self.end.send_replace(last);
    }
}

impl Kept {
    fn push(&mut self, batch: Vec<Arc<Envelope>>) {
        self.bytes += batch.iter().map(|event| event.bytes.len()).sum::<usize>();
        self.events.extend(batch);
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.bytes.len();
            self.start = Some(oldest.position);
        }
    }

    fn after(&self, position: i64, limit: usize, bytes: usize) -> Option<Vec<Arc<Envelope>>> {
        let passed = usize::try_from(position - self.start?).ok()?;
        let mut so_far = 0;
        let fits = |event: &&Arc<Envelope>| {
            let fits = so_far < bytes;
            so_far += event.bytes.len();
            fits
        };
        Some(self.events.iter().skip(passed).take(limit).take_while(fits).cloned().collect())
    }
}

async fn feed(ring: Arc<Ring>, log: Log, jetstream: Context, pressure: Pressure) {
    loop {
        match end_of(&log).await {
            Ok(end) => {
                ring.renew(Some(end.position));
                let mut follower = Follower::new(log.clone(), jetstream.clone(), end);
                let mut commands_first = pressure.worker();
                while let Ok(batch) = follower.next_batch(BATCH).await {
                    ring.push(batch);
                    commands_first.wait().await;
                }
                // Why, each follower finds out for itself.
                ring.renew(None);
            }
            Err(error) => tracing::debug!(%error, "the end of the log cannot be read"),
        }
        sleep(RETRY).await;
    }
}

async fn end_of(log: &Log) -> Result<Checkpoint, LogError> {
    let position = log.head().await?;
    let last = if position > 0 { log.event_at(position).await? } else { None };
    Ok(Checkpoint { position, event_id: last.map(|event| event.id) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(position: i64, size: usize) -> Arc<Envelope> {
        let (id, time) = (Uuid::now_v7(), "2026-11-21T05:00:00.000001Z");
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/taskledger/tasks", "type": "task.commented.v1", "subject": id,
            "time": time, "dataschema": "urn:taskledger:event:task.commented.v1",
            "datacontenttype": "application/json", "sequence": format!("{position:020}"), "partitionkey": id,
            "aggregateversion": 1, "recordedtime": time, "requestid": id, "correlationid": id,
            "authtype": "system", "data": {"text": "x".repeat(size)},
        });
        Arc::new(Envelope::decode(event.to_string().into()).unwrap())
    }

    fn kept(size: usize, count: i64) -> Kept {
        let mut kept = Kept { start: Some(0), ..Kept::default() };
        kept.push((1..=count).map(|position| event(position, size)).collect());
        kept
    }

    #[test]
    fn what_is_handed_out_at_once_is_bounded_by_number_and_bytes() {
        let positions = |kept: &Kept, after, limit| {
            let events = kept.after(after, limit, 1 << 20)?;
            Some(events.iter().map(|event| event.position).collect::<Vec<_>>())
        };
        let (small, large) = (kept(1, 10), kept(400 << 10, 10));
        assert_eq!(positions(&small, 2, 3), Some(vec![3, 4, 5]));
        assert_eq!(positions(&large, 2, 256), Some(vec![3, 4, 5]));
        assert_eq!(positions(&large, 8, 256), Some(vec![9, 10]));
        assert_eq!(positions(&large, 10, 256), Some(vec![]));
        assert_eq!(positions(&kept(2 << 20, 2), 0, 256), Some(vec![1]));
    }

    #[test]
    fn the_oldest_go_when_it_is_full() {
        let kept = kept(512 << 10, 40);
        assert!(kept.bytes <= BYTES && kept.start > Some(0), "{} bytes after {:?}", kept.bytes, kept.start);
        assert_eq!(kept.after(kept.start.unwrap() - 1, 1, BYTES).map(|events| events.len()), None);
    }
}
