//! Sealing of personal data: every person has a key; deleting it erases the person from the log.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::personal::Sealed;
use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_cache::sync::Cache;
use sha2::Sha256;
use sqlx::PgPool;
use uuid::Uuid;

use crate::LogError;

mod cipher;

use cipher::Key;

/// An erased person's key may live this long in a cache.
const KEY_LIFETIME: Duration = Duration::from_secs(60);
/// Keys held in memory at most.
const CACHED_KEYS: usize = 10_000;
/// The form of the text: version, subject, nonce and ciphertext.
const PREFIX: &str = "s1";

/// The installation's secret, from which the log's keys come. Never printed.
#[derive(Clone)]
pub struct MasterKey(pub [u8; 32]);

impl MasterKey {
    /// From the installation's secret to this key; every service derives it with these words.
    pub const LABEL: &str = "event store";
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// A sealed text opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsealed {
    /// What was sealed.
    Clear(String),
    /// The person's key is gone, and with it the text.
    Erased,
}

impl Unsealed {
    /// The text, if it still exists.
    pub fn clear(self) -> Option<String> {
        match self {
            Self::Clear(text) => Some(text),
            Self::Erased => None,
        }
    }
}

/// A text could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key could not be read or made.
    #[error("the key of a person cannot be read")]
    Log(#[from] LogError),
    /// Not sealed here, not with this master key, or changed since.
    #[error("a sealed text is damaged or was sealed under another master key")]
    Damaged,
    /// Nothing can be sealed for an erased person.
    #[error("the person is erased")]
    Erased,
}

impl From<sqlx::Error> for SealError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Seals and opens personal texts with the keys in `subject_keys`. Equal texts of one person seal alike; texts of two
/// persons never do.
pub struct Sealer {
    pool: PgPool,
    wrapping: Key,
    claims: [u8; 32],
    keys: Arc<Cache<Uuid, Held>>,
}

/// A cached key; none = the person is erased.
#[derive(Clone)]
struct Held {
    key: Option<Key>,
    until: Instant,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// Reads (and, when sealing, makes) keys through this pool.
    pub fn new(pool: PgPool, master: &MasterKey) -> Self {
        Self {
            pool,
            wrapping: Key::new(derive(&master.0, "subject keys")),
            claims: derive(&master.0, "claims"),
            keys: Arc::new(Cache::new(CACHED_KEYS)),
        }
    }

    /// Seals a text for a person, making the person's key on first use. Needs [`crate::Role::Command`].
    pub async fn seal(&self, subject: Uuid, text: &str) -> Result<Sealed, SealError> {
        if let Some(key) = self.cached(subject) {
            return key.map_or(Err(SealError::Erased), |key| Ok(sealed(subject, &key, text)));
        }
        let found = match self.fetch(&[subject]).await?.remove(&subject) {
            Some(found) => found,
            None => self.create(subject).await?,
        };
        found.map_or(Err(SealError::Erased), |key| Ok(sealed(subject, &key, text)))
    }

    /// Seals a text for a person whose key is there; none if it is not yet, or no more. Needs no more than reading.
    pub async fn seal_if_known(&self, subject: Uuid, text: &str) -> Result<Option<Sealed>, SealError> {
        let key = match self.cached(subject) {
            Some(key) => key,
            None => self.fetch(&[subject]).await?.remove(&subject).flatten(),
        };
        Ok(key.map(|key| sealed(subject, &key, text)))
    }

    /// Opens a sealed text.
    pub async fn unseal(&self, sealed: &Sealed) -> Result<Unsealed, SealError> {
        let mut opened = self.unseal_all(std::slice::from_ref(sealed)).await?;
        opened.pop().ok_or(SealError::Damaged)
    }

    /// Opens sealed texts, in order, with at most one query for the keys not at hand.
    pub async fn unseal_all(&self, texts: &[Sealed]) -> Result<Vec<Unsealed>, SealError> {
        let parsed = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let mut keys = HashMap::new();
        let mut missing = Vec::new();
        for (subject, _) in &parsed {
            match self.cached(*subject) {
                Some(key) => drop(keys.insert(*subject, key)),
                None => missing.push(*subject),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            missing.dedup();
            keys.extend(self.fetch(&missing).await?);
        }
        let open = |(subject, boxed): (Uuid, Vec<u8>)| match keys.get(&subject) {
            Some(Some(key)) => {
                key.open(subject.as_bytes(), &boxed).map(Unsealed::Clear).ok_or(SealError::Damaged)
            }
            Some(None) | None => Ok(Unsealed::Erased),
        };
        parsed.into_iter().map(open).collect()
    }

    /// Drops a person's key from the cache: they were erased.
    pub fn forget(&self, subject: Uuid) {
        self.keys.remove(&subject);
    }

    /// The same for whoever hears of erasures and does not hold the sealer.
    pub fn forgetter(&self) -> impl Fn(Uuid) + Send + Sync + use<> {
        let keys = Arc::clone(&self.keys);
        move |subject| drop(keys.remove(&subject))
    }

    /// The value to claim for a personal text that must be unique (an e-mail address): says nothing about the text to
    /// whoever lacks the master key.
    pub fn hmac_claim(&self, scope: &str, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(derive(&derive(&self.claims, scope), value))
    }

    fn cached(&self, subject: Uuid) -> Option<Option<Key>> {
        self.keys.get(&subject).filter(|held| held.until > Instant::now()).map(|held| held.key)
    }

    fn remember(&self, subject: Uuid, key: Option<Key>) {
        self.keys.insert(subject, Held { key, until: Instant::now() + KEY_LIFETIME });
    }

    async fn fetch(&self, subjects: &[Uuid]) -> Result<HashMap<Uuid, Option<Key>>, SealError> {
        const SQL: &str = "SELECT subject, sealed_key FROM event_store.subject_keys WHERE subject = ANY($1)";
        let rows: Vec<(Uuid, Option<Vec<u8>>)> =
            sqlx::query_as(SQL).bind(subjects).fetch_all(&self.pool).await?;
        let mut keys = HashMap::with_capacity(rows.len());
        for (subject, wrapped) in rows {
            let key = wrapped.map(|wrapped| self.unwrap_key(subject, &wrapped)).transpose()?;
            self.remember(subject, key.clone());
            keys.insert(subject, key);
        }
        Ok(keys)
    }

    async fn create(&self, subject: Uuid) -> Result<Option<Key>, SealError> {
        const SQL: &str = "INSERT INTO event_store.subject_keys (subject, sealed_key) VALUES ($1, $2) \
             ON CONFLICT (subject) DO NOTHING";
        let fresh: [u8; 32] = rand::random();
        let wrapped = self.wrapping.seal(subject.as_bytes(), &fresh);
        sqlx::query(SQL).bind(subject).bind(wrapped).execute(&self.pool).await?;
        // Another process may have been first: what the table holds counts.
        self.fetch(&[subject]).await?.remove(&subject).ok_or(SealError::Damaged)
    }

    fn unwrap_key(&self, subject: Uuid, wrapped: &[u8]) -> Result<Key, SealError> {
        let bytes = self.wrapping.open_bytes(subject.as_bytes(), wrapped).ok_or(SealError::Damaged)?;
        Ok(Key::new(bytes.try_into().map_err(|_| SealError::Damaged)?))
    }
}

fn sealed(subject: Uuid, key: &Key, text: &str) -> Sealed {
    let boxed = URL_SAFE_NO_PAD.encode(key.seal(subject.as_bytes(), text.as_bytes()));
    Sealed(format!("{PREFIX}.{subject}.{boxed}"))
}

fn parse(sealed: &Sealed) -> Result<(Uuid, Vec<u8>), SealError> {
    let mut parts = sealed.0.splitn(3, '.');
    let (Some(PREFIX), Some(subject), Some(boxed)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(SealError::Damaged);
    };
    let subject = subject.parse().map_err(|_| SealError::Damaged)?;
    Ok((subject, URL_SAFE_NO_PAD.decode(boxed).map_err(|_| SealError::Damaged)?))
}

/// HMAC-SHA256 as a key derivation: independent keys for independent labels.
fn derive(key: &[u8; 32], label: &str) -> [u8; 32] {
    hmac(key, label.as_bytes())
}

fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut block = [0; 64]; // HMAC pads short keys with zeros
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}
