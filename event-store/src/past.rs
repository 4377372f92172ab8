//! Aggregates as they stood after some event, or stand now: folded from the log, the latest ones remembered.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{
    event::{RecordedEvent, from_stored},
    stored::Stored,
    time::Timestamp,
};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{Log, LogError, envelope::Envelope};

/// Aggregates that are remembered.
const REMEMBERED: usize = 4_096;
/// Of each so many versions in a row, where somebody has looked at old ones, one state is remembered.
const STRETCH: i64 = 64;
/// Events of one aggregate read at once.
const PAGE: i64 = 1_000;
/// More are rarely looked at at the same time.
const MANY: usize = 256;
/// What was looked at is believed so long.
const LIFETIME: Duration = Duration::from_secs(1);

/// One kind of aggregate, as the log tells it. What is remembered is only a start: it is never needed.
pub struct Past<A> {
    log: Log,
    /// The newest of each.
    recent: Cache<Uuid, Known<A>>,
    /// Older ones, by stretch: readers who are behind go on from there, however far ahead others are.
    earlier: Cache<(Uuid, i64), Known<A>>,
    /// Those that are being looked at: of many who ask for one at the same time, one asks the log.
    looking: Mutex<HashMap<Uuid, Looking<A>>>,
}

/// What somebody looks at for others too; none if that fails.
type Looking<A> = Arc<OnceCell<Option<Known<A>>>>;

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
        Self {
            log,
            recent: Cache::new(REMEMBERED),
            earlier: Cache::new(REMEMBERED),
            looking: Mutex::default(),
        }
    }

    /// As it stood after this event of its own.
    pub async fn after(&self, event: &Envelope) -> Result<Arc<A>, LogError> {
        let (id, version) = (event.aggregate_id, event.version);
        let newest = self.recent.get(&id);
        let ahead = newest.as_ref().is_some_and(|known| known.version > version);
        let start = if ahead { self.before(id, version) } else { newest };
        if let Some(known) = start.as_ref().filter(|known| known.version == version) {
            return Ok(known.state.clone());
        }
        let (mut state, known) = begin(start);
        replay(&self.log, id, &mut state, known, version - 1).await?;
        take(&mut state, &event.event_type, &event.event_version, event.data.get(), event.occurred_at);
        let state = Arc::new(state);
        let looked = Instant::now().checked_sub(LIFETIME).unwrap_or_else(Instant::now);
        let known = Known { state: state.clone(), version, looked };
        if ahead {
            keep(&self.earlier, (id, version / STRETCH), known);
        } else {
            keep(&self.recent, id, known);
        }
        Ok(state)
    }

    /// What is remembered of an old version, or shortly before it.
    fn before(&self, id: Uuid, version: i64) -> Option<Known<A>> {
        let stretch = version / STRETCH;
        let mut near =
            [stretch, stretch - 1].into_iter().filter_map(|stretch| self.earlier.get(&(id, stretch)));
        near.find(|known| known.version <= version)
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
        let asked = Instant::now();
        let believed = |known: &Known<A>| {
            known.version >= version
                && known.looked.elapsed() < LIFETIME
                && since.is_none_or(|since| known.looked >= since)
        };
        loop {
            if let Some(known) = self.recent.get(&id).filter(believed) {
                return Ok(known.state);
            }
            let found = Box::pin(self.look_together(id)).await?;
            if found.looked >= asked || believed(&found) {
                return Ok(found.state);
            }
        }
    }

    /// Looks once for all who ask at the same time; what is found may be of before this one asked.
    async fn look_together(&self, id: Uuid) -> Result<Known<A>, LogError> {
        let looking = self.join(id);
        let mut failed = None;
        let look = async {
            let found = self.look(id).await;
            // Who comes from now on looks anew.
            self.looking().remove(&id);
            found.map_err(|error| failed = Some(error)).ok()
        };
        let found = looking.get_or_init(|| look).await.clone();
        match (failed, found) {
            (Some(error), _) => Err(error),
            (None, Some(known)) => Ok(known),
            // Whoever looked for all has failed.
            (None, None) => self.look(id).await,
        }
    }

    fn join(&self, id: Uuid) -> Looking<A> {
        let mut looking = self.looking();
        // Some may have gone in the midst of it, and nobody else came.
        if looking.len() > MANY {
            looking.retain(|_, one| Arc::strong_count(one) > 1);
        }
        Arc::clone(looking.entry(id).or_default())
    }

    async fn look(&self, id: Uuid) -> Result<Known<A>, LogError> {
        let looked = Instant::now();
        let (mut state, version) = begin(self.recent.get(&id));
        let version = replay(&self.log, id, &mut state, version, i64::MAX).await?;
        let known = Known { state: Arc::new(state), version, looked };
        self.recent.insert(id, known.clone());
        Ok(known)
    }

    fn looking(&self) -> MutexGuard<'_, HashMap<Uuid, Looking<A>>> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unless a newer one is remembered.
fn keep<A, K: Eq + Hash>(remembered: &Cache<K, Known<A>>, key: K, known: Known<A>) {
    if remembered.get(&key).is_none_or(|other| other.version < known.version) {
        remembered.insert(key, known);
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

/// Those of these aggregates that were there after the event at position `up_to`, as they stood then.
pub async fn all_at<A: Stored>(log: &Log, ids: &[Uuid], up_to: i64) -> Result<HashMap<Uuid, A>, LogError>
where
    A::Event: DeserializeOwned,
{
    let mut all = HashMap::<Uuid, A>::new();
    for at in log.read_aggregates(A::TYPE, ids, &[], up_to).await? {
        apply(all.entry(at.aggregate_id).or_default(), &at);
    }
    Ok(all)
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
