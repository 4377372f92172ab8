//! Many callers that want one row each, served by few queries that fetch many.

use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc};

use tokio::sync::{Semaphore, mpsc, oneshot};

/// Callers that may wait at a time; more are refused.
const QUEUE: usize = 4_096;
/// Keys of one query at most.
const BATCH: usize = 256;
/// Queries on their way at a time.
const IN_FLIGHT: usize = 4;

/// Why a row could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer; all callers of one query share the cause.
    #[error("the read model cannot be read: {0}")]
    Database(Arc<sqlx::Error>),
    /// Too many callers wait already.
    #[error("too many reads are waiting")]
    Overloaded,
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

type Reply<V> = oneshot::Sender<Result<Option<V>, ReadError>>;

/// Whoever asks while the queries are busy shares the next one; an idle system answers at once.
pub struct Coalescer<K, V> {
    queue: mpsc::Sender<(K, Reply<V>)>,
}

impl<K, V> Coalescer<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Starts the worker; it ends when the coalescer is dropped. `fetch` gets each key once.
    pub fn new<F, R>(fetch: F) -> Self
    where
        F: Fn(Vec<K>) -> R + Clone + Send + 'static,
        R: Future<Output = sqlx::Result<HashMap<K, V>>> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(work(waiting, fetch));
        Self { queue }
    }

    /// The value of this key.
    pub async fn get(&self, key: K) -> Result<Option<V>, ReadError> {
        let (reply, answer) = oneshot::channel();
        self.queue.try_send((key, reply)).map_err(|_| ReadError::Overloaded)?;
        answer.await.unwrap_or(Err(ReadError::Overloaded))
    }
}

async fn work<K, V, F, R>(mut waiting: mpsc::Receiver<(K, Reply<V>)>, fetch: F)
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
    F: Fn(Vec<K>) -> R + Clone + Send + 'static,
    R: Future<Output = sqlx::Result<HashMap<K, V>>> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        let fetch = fetch.clone();
        tokio::spawn(async move {
            answer(batch, fetch).await;
            drop(permit);
        });
    }
}

async fn answer<K, V, F, R>(batch: Vec<(K, Reply<V>)>, fetch: F)
where
    K: Copy + Eq + Hash,
    V: Clone,
    F: Fn(Vec<K>) -> R,
    R: Future<Output = sqlx::Result<HashMap<K, V>>>,
{
    let mut keys: Vec<K> = Vec::with_capacity(batch.len());
    for (key, _) in &batch {
        if !keys.contains(key) {
            keys.push(*key);
        }
    }
    let found = fetch(keys).await.map_err(ReadError::from);
    for (key, reply) in batch {
        // Whoever no longer waits needs no answer.
        let _ = reply.send(found.as_ref().map(|found| found.get(&key).cloned()).map_err(Clone::clone));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn callers_share_queries_and_get_their_own_rows() {
        let (queries, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let fetch = {
            let (queries, go) = (Arc::clone(&queries), Arc::clone(&go));
            move |keys: Vec<u32>| {
                let (queries, go) = (Arc::clone(&queries), Arc::clone(&go));
                async move {
                    queries.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    go.notify_one();
                    Ok(keys.into_iter().filter(|key| key % 2 == 0).map(|key| (key, key * 10)).collect())
                }
            }
        };
        let coalescer = Coalescer::new(fetch);
        let release = async { go.notify_one() };
        let callers = join_all((0..1_000).map(|caller| coalescer.get(caller % 100)));
        let (answers, ()) = futures_util::join!(callers, release);
        for (caller, answer) in answers.into_iter().enumerate() {
            let key = u32::try_from(caller % 100).unwrap();
            assert_eq!(answer.unwrap(), (key % 2 == 0).then_some(key * 10));
        }
        assert!(queries.load(Ordering::SeqCst) < 20);
    }

    #[tokio::test]
    async fn a_failed_query_fails_all_its_callers_and_no_others() {
        let failures = Arc::new(Mutex::new(1));
        let coalescer = Coalescer::<u32, u32>::new(move |_| {
            let fails = std::mem::take(&mut *failures.lock().unwrap()) > 0;
            async move { if fails { Err(sqlx::Error::PoolTimedOut) } else { Ok(HashMap::new()) } }
        });
        assert!(matches!(coalescer.get(1).await, Err(ReadError::Database(_))));
        assert!(coalescer.get(1).await.unwrap().is_none());
    }
}
