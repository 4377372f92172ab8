//! Looking keys up: rarely, few at a time, and so that strangers are in nobody's way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use quick_cache::sync::Cache;
use sqlx::PgPool;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{Cause, Holder, Key};
use crate::auth::TokenError;

/// How often the use of a key is noted.
const NOTED: Duration = Duration::from_secs(60);
/// Keys that are remembered, on each side.
const REMEMBERED: usize = 10_000;
/// Look-ups at a time, on each side.
const AT_A_TIME: usize = 2;
/// How long one waits for its turn and the answer.
const PATIENCE: Duration = Duration::from_secs(2);

type Hash = [u8; 32];
type Holders = Box<dyn Fn(Uuid, Uuid) -> BoxFuture<'static, Result<Option<Holder>, Cause>> + Send + Sync>;

/// Answers of the database.
pub(super) struct LookUps {
    event_store: PgPool,
    holder: Holders,
    /// Keys that were good the last time. Whoever makes keys up neither makes us forget these nor takes their turn.
    known: Side,
    strangers: Side,
}

struct Side {
    seen: Cache<Hash, Seen>,
    turns: Semaphore,
}

impl Default for Side {
    fn default() -> Self {
        Self { seen: Cache::new(REMEMBERED), turns: Semaphore::new(AT_A_TIME) }
    }
}

/// What the database said about a hash.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    at: Instant,
    pub(super) key: Option<Key>,
    noted: Option<Instant>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    scopes: Vec<String>,
    expires_at: DateTime<Utc>,
    rate_per_minute: Option<i32>,
}

impl LookUps {
    pub(super) fn new(event_store: PgPool, holder: Holders) -> Self {
        Self { event_store, holder, known: Side::default(), strangers: Side::default() }
    }

    /// What the database said about it, asked no earlier than this.
    pub(super) async fn see(&self, hash: Hash, since: Instant) -> Result<Seen, TokenError> {
        if let Some(seen) = self.recent(&hash, since) {
            return Ok(seen);
        }
        let looked_up = timeout(PATIENCE, self.look_up(hash, since)).await;
        let looked_up = looked_up.unwrap_or_else(|_| Err("no answer in time".into()));
        looked_up.map_err(|error| {
            tracing::warn!(%error, "an API key cannot be looked up");
            TokenError::KeysUnavailable
        })
    }

    fn recent(&self, hash: &Hash, since: Instant) -> Option<Seen> {
        let seen = self.known.seen.get(hash).or_else(|| self.strangers.seen.get(hash))?;
        (seen.at >= since).then_some(seen)
    }

    /// Of many who ask for the same key few go to the database.
    async fn look_up(&self, hash: Hash, since: Instant) -> Result<Seen, Cause> {
        let last = self.known.seen.get(&hash);
        let side = if last.is_some() { &self.known } else { &self.strangers };
        let _turn = side.turns.acquire().await?;
        if let Some(seen) = self.recent(&hash, since) {
            return Ok(seen);
        }
        let at = Instant::now();
        let key = self.ask(hash).await?;
        let noted = key.as_ref().and_then(|key| self.note(key.id, last.and_then(|seen| seen.noted)));
        let seen = Seen { at, key, noted };
        self.keep(hash, seen.clone());
        Ok(seen)
    }

    fn keep(&self, hash: Hash, seen: Seen) {
        let (side, other) =
            if seen.key.is_some() { (&self.known, &self.strangers) } else { (&self.strangers, &self.known) };
        side.seen.insert(hash, seen);
        other.seen.remove(&hash);
    }

    async fn ask(&self, hash: Hash) -> Result<Option<Key>, Cause> {
        const SQL: &str =
            "SELECT id, user_id, scopes, expires_at, rate_per_minute FROM event_store.api_key($1)";
        let found =
            sqlx::query_as::<_, Row>(SQL).bind(hash.as_slice()).fetch_optional(&self.event_store).await?;
        let Some(Row { id, user_id: user, scopes, expires_at, rate_per_minute }) = found else {
            return Ok(None);
        };
        let Some(holder) = (self.holder)(user, id).await? else { return Ok(None) };
        let rate_per_minute = rate_per_minute.map(i32::unsigned_abs);
        Ok(Some(Key { id, user, scopes: scopes.into(), expires_at, rate_per_minute, holder }))
    }

    /// Notes, beside the request, that the key is used, unless that was noted lately.
    fn note(&self, key: Uuid, noted: Option<Instant>) -> Option<Instant> {
        const SQL: &str = "SELECT event_store.note_api_key_use($1)";
        if noted.is_some_and(|noted| noted.elapsed() < NOTED) {
            return noted;
        }
        let event_store = self.event_store.clone();
        tokio::spawn(async move {
            if let Err(error) = sqlx::query(SQL).bind(key).execute(&event_store).await {
                tracing::warn!(%error, "the use of an API key cannot be noted");
            }
        });
        Some(Instant::now())
    }
}
