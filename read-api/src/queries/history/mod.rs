//! What happened to a task or a user, newest first, straight from the log.

mod entry;
mod task;
mod told;
mod user;

use std::sync::Arc;

use domain::event::{DecodeError, RecordedEvent};
use event_store::{Log, LogError, SealError};
use uuid::Uuid;

use super::Counting;
use crate::model::HistoryEntry;

pub(super) use entry::{actor, people};
pub use task::{task_history, task_history_count};
pub use told::{Told, tell};
pub use user::{user_history, user_history_count};

/// More entries are not read at once: each may carry a text of 64 KiB.
const MAX_ENTRIES: i64 = 200;

/// Why a history cannot be told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log did not answer.
    #[error("the log cannot be read: {0}")]
    Log(Arc<LogError>),
    /// The read model did not answer.
    #[error("the names of users cannot be read: {0}")]
    Names(Arc<sqlx::Error>),
    /// An event is of a type or shape that nobody here knows.
    #[error("the event at position {position} cannot be understood: {source}")]
    Event {
        /// Where it stands.
        position: i64,
        /// Why.
        source: Arc<DecodeError>,
    },
    /// A sealed text cannot be opened.
    #[error("a personal text cannot be opened: {0}")]
    Seal(Arc<SealError>),
}

impl From<LogError> for HistoryError {
    fn from(error: LogError) -> Self {
        Self::Log(Arc::new(error))
    }
}

impl From<sqlx::Error> for HistoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Names(Arc::new(error))
    }
}

impl From<SealError> for HistoryError {
    fn from(error: SealError) -> Self {
        Self::Seal(Arc::new(error))
    }
}

/// Some entries, and the sequence before which the next ones are to be read; none at the end.
#[derive(Debug)]
pub struct HistoryPage {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// Where to go on.
    pub next_before: Option<i64>,
}

/// How many events an aggregate has.
async fn count(log: &Log, kind: &str, id: Uuid, counting: Counting) -> sqlx::Result<i64> {
    let sql = counting
        .sql("SELECT sequence FROM event_store.events WHERE aggregate_type = $1 AND aggregate_id = $2");
    counting.read(&sqlx::query(&sql).bind(kind).bind(id.to_string()).fetch_one(log.pool()).await?)
}

/// The events of an aggregate before this sequence, newest first, each understood.
async fn read<E: serde::de::DeserializeOwned>(
    log: &Log,
    kind: &str,
    id: Uuid,
    before: i64,
    limit: i64,
) -> Result<Vec<(RecordedEvent, E)>, HistoryError> {
    let events = log.read_aggregate_back(kind, id, before, limit.min(MAX_ENTRIES)).await?;
    events.into_iter().map(|event| Ok((understand(&event)?, event))).map(swap).collect()
}

fn swap<A, B>(pair: Result<(A, B), HistoryError>) -> Result<(B, A), HistoryError> {
    pair.map(|(a, b)| (b, a))
}

pub(in crate::queries) fn understand<E: serde::de::DeserializeOwned>(
    event: &RecordedEvent,
) -> Result<E, HistoryError> {
    domain::event::from_stored(&event.event_type, &event.event_version, event.data.get())
        .map_err(|source| HistoryError::Event { position: event.position, source: Arc::new(source) })
}

/// Sequences have no gaps and begin at 1.
fn next_before<E>(events: &[(RecordedEvent, E)]) -> Option<i64> {
    events.last().map(|(event, _)| event.sequence).filter(|sequence| *sequence > 1)
}
