//! Aggregates as they stood after some event, or stand now: folded from the log, the latest ones remembered.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{
    event::{RecordedEvent, from_stored},
    stored::Stored,
    time::Timestamp,
};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Log, LogError, envelope::Envelope};

/// Aggregates that are remembered.
const REMEMBERED: usize = 4_096;
/// Events of one aggregate read at once.
const PAGE: i64 = 1_000;
/// What was looked at is believed so long.
const LIFETIME: Duration = Duration::from_secs(1);

/// One kind of aggregate, as the log tells it. What is remembered is only a start: it is never needed.
pub struct Past<A> {
    log: Log,
    recent: Cache<Uuid, Known<A>>,
}

impl<A> fmt::Debug for Past<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past").finish_non_exhaustive()
    }
}

struct Known<A> {
    state: Arc<A>,
    version: i64,
    looked: Instant,
}

impl<A> Clone for Known<A> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), version: self.version, looked: self.looked }
    }
}

impl<A> Past<A>
where
    A: Stored + Clone,
    A::Event: DeserializeOwned,
{
    /// Reads from this log.
    pub fn new(log: Log) -> Self {
        Self { log, recent: Cache::new(REMEMBERED) }
    }

    /// As it stood after this event of its own.
    pub async fn after(&self, event: &Envelope) -> Result<Arc<A>, LogError> {
        let id = event.aggregate_id;
        let newest = self.recent.get(&id);
        let start = newest.clone().filter(|known| known.version <= event.version);
        if let Some(known) = start.as_ref().filter(|known| known.version == event.version) {
            return Ok(known.state.clone());
        }
        let (mut state, mut version) = begin(start);
        replay(&self.log, id, &mut state, version, event.version - 1).await?;
        take(&mut state, &event.event_type, &event.event_version, event.data.get(), event.occurred_at);
        version = event.version;
        let state = Arc::new(state);
        if newest.is_none_or(|known| known.version < version) {
            let looked = Instant::now().checked_sub(LIFETIME).unwrap_or_else(Instant::now);
            self.recent.insert(id, Known { state: state.clone(), version, looked });
        }
        Ok(state)
    }

    /// As it stands, or stood a second ago, but after its event of this version at least.
    pub async fn now(&self, id: Uuid, version: i64) -> Result<Arc<A>, LogError> {
        self.now_since(id, version, None).await
    }

    /// The same, and not as it stood before this moment.
    pub async fn now_since(
        &self,
        id: Uuid,
        version: i64,
        since: Option<Instant>,
    ) -> Result<Arc<A>, LogError> {
        let start = self.recent.get(&id);
        let believed = |known: &&Known<A>| {
            known.version >= version
                && known.looked.elapsed() < LIFETIME
                && since.is_none_or(|since| known.looked >= since)
        };
        if let Some(known) = start.as_ref().filter(believed) {
            return Ok(known.state.clone());
        }
        let looked = Instant::now();
        let (mut state, version) = begin(start);
        let version = replay(&self.log, id, &mut state, version, i64::MAX).await?;
        let state = Arc::new(state);
        self.recent.insert(id, Known { state: state.clone(), version, looked });
        Ok(state)
    }
}

fn begin<A: Default + Clone>(start: Option<Known<A>>) -> (A, i64) {
    start.map_or_else(Default::default, |known| (Arc::unwrap_or_clone(known.state), known.version))
}

/// Takes in what the log holds of the aggregate after `version`, up to `last`; returns how far that is.
pub async fn replay<A: Stored>(
    log: &Log,
    id: Uuid,
    state: &mut A,
    version: i64,
    last: i64,
) -> Result<i64, LogError>
where
    A::Event: DeserializeOwned,
{
    let mut after = version;
    while after < last {
        let events = log.read_aggregate(A::TYPE, id, after, PAGE.min(last - after)).await?;
        let Some(newest) = events.last() else { break };
        after = newest.sequence;
        events.iter().for_each(|event| apply(state, event));
    }
    Ok(after)
}

fn apply<A: Stored>(state: &mut A, at: &RecordedEvent)
where
    A::Event: DeserializeOwned,
{
    take(state, &at.event_type, &at.event_version, at.data.get(), at.metadata.occurred_at);
}

/// Types of newer programs change nothing.
fn take<A: Stored>(state: &mut A, event_type: &str, version: &str, payload: &str, at: Timestamp)
where
    A::Event: DeserializeOwned,
{
    match from_stored(event_type, version, payload) {
        Ok(event) => {
            state.apply(event);
            state.occurred(at);
        }
        Err(error) => tracing::error!(kind = A::TYPE, %error, "an event cannot be read"),
    }
}
