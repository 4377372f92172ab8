//! One at a time for each aggregate or idempotency key, in order of arrival.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as FairMutex, OwnedMutexGuard};

/// Those who may wait for one lock.
const MAX_WAITING: usize = 256;

/// Too many wait for the same thing, or for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many commands wait for the same thing")]
pub struct Crowded;

/// Fair locks by key; an entry lives while somebody holds it or waits for it.
#[derive(Debug)]
pub(crate) struct Locks<K: Eq + Hash> {
    entries: Arc<Mutex<HashMap<K, Entry>>>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Entry {
    lock: Arc<FairMutex<()>>,
    users: usize,
}

/// The turn of one; the next one's comes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<K: Eq + Hash> {
    // dropped before the place, so that an entry never goes while its lock is held
    _lock: OwnedMutexGuard<()>,
    _place: Place<K>,
}

/// A place among those who hold or wait.
#[derive(Debug)]
struct Place<K: Eq + Hash> {
    entries: Arc<Mutex<HashMap<K, Entry>>>,
    key: K,
}

impl<K: Clone + Eq + Hash + Ord> Locks<K> {
    /// Locks whose turn comes within `patience` or not at all.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { entries: Arc::default(), patience }
    }

    /// Waits for the turn; refuses at once if the queue is full.
    pub(crate) async fn turn(&self, key: K) -> Result<Turn<K>, Crowded> {
        let (lock, place) = self.queue(key)?;
        let lock = tokio::time::timeout(self.patience, lock.lock_owned()).await.map_err(|_| Crowded)?;
        Ok(Turn { _lock: lock, _place: place })
    }

    /// The turns of several keys, taken in one order by everybody.
    pub(crate) async fn turns(&self, mut keys: Vec<K>) -> Result<Vec<Turn<K>>, Crowded> {
        keys.sort_unstable();
        keys.dedup();
        let mut turns = Vec::with_capacity(keys.len());
        for key in keys {
            turns.push(self.turn(key).await?);
        }
        Ok(turns)
    }

    fn queue(&self, key: K) -> Result<(Arc<FairMutex<()>>, Place<K>), Crowded> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(key.clone()).or_default();
        if entry.users > MAX_WAITING {
            return Err(Crowded);
        }
        entry.users += 1;
        Ok((Arc::clone(&entry.lock), Place { entries: Arc::clone(&self.entries), key }))
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                entries.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locks() -> Arc<Locks<u32>> {
        Arc::new(Locks::new(Duration::from_secs(5)))
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_in_order_and_leave_nothing_behind() {
        let locks = locks();
        let first = locks.turn(1).await.unwrap();
        let other = locks.turn(2).await.unwrap();
        let waiting = tokio::spawn({
            let locks = Arc::clone(&locks);
            async move { locks.turn(1).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop((first, other));
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert!(locks.entries.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_has_an_end_and_waiting_too() {
        let locks = locks();
        let held = locks.turn(1).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let locks = Arc::clone(&locks);
                tokio::spawn(async move { locks.turn(1).await.map(drop) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(locks.turn(1).await.is_err());
        for one in waiting {
            assert_eq!(one.await.unwrap(), Err(Crowded));
        }
        drop(held);
        assert!(locks.entries.lock().unwrap().is_empty());
    }
}
