//! The public keys of the installation: fetched when first needed, renewed in the background.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};
use tokio::time::Instant;

use super::TokenError;
use crate::tls;

/// Keys older than this are fetched again while they go on being used.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Keys that could not be renewed for this long are dropped.
const MAX_STALE: Duration = Duration::from_secs(3600);
/// An unknown key id makes us ask again, but not more often than this.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// After a failure the next attempt may come sooner.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_DOCUMENT: usize = 64 * 1024;

/// Where the public keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A JWKS document at this address.
    Url(String),
    /// Exactly these keys, until [`Verifier::replace_keys`](super::Verifier::replace_keys) brings others.
    Fixed(JwkSet),
}

type KeyMap = HashMap<String, (Jwk, DecodingKey)>;

#[derive(Clone, Debug, Default)]
struct KeySet {
    keys: Arc<KeyMap>,
    generation: u64,
    fetched: Option<Instant>,
}

/// The present keys.
#[derive(Clone, Debug)]
pub(super) struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: Option<String>,
    current: RwLock<KeySet>,
    attempt: tokio::sync::Mutex<()>,
    last_attempt: Mutex<Option<(Instant, bool)>>,
    renewing: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("status {0}")]
    Status(reqwest::StatusCode),
    #[error("the document is too large")]
    TooLarge,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl Keys {
    pub(super) fn new(source: KeySource) -> Self {
        let (url, current) = match source {
            KeySource::Url(url) => (Some(url), KeySet::default()),
            KeySource::Fixed(set) => (None, KeySet { keys: usable(set), generation: 1, fetched: None }),
        };
        Self(Arc::new(Inner {
            url,
            current: RwLock::new(current),
            attempt: tokio::sync::Mutex::default(),
            last_attempt: Mutex::default(),
            renewing: AtomicBool::new(false),
        }))
    }

    /// From now on these keys count.
    pub(super) fn replace(&self, set: JwkSet) {
        self.store(usable(set), None);
    }

    /// Changes whenever the keys do.
    pub(super) fn generation(&self) -> u64 {
        self.current().generation
    }

    /// The key of that id; an unknown one is asked for, within limits.
    pub(super) async fn find(&self, key_id: &str) -> Result<(DecodingKey, u64), TokenError> {
        if let Some(found) = self.known(key_id) {
            return Ok(found);
        }
        self.renew().await;
        let empty = self.current().keys.is_empty();
        let refusal = if empty { TokenError::KeysUnavailable } else { TokenError::Invalid("unknown key") };
        self.known(key_id).ok_or(refusal)
    }

    /// Starts a renewal in the background when it is due; never waits.
    pub(super) fn refresh_if_old(&self) {
        let fetched = self.current().fetched;
        if fetched.is_none_or(|at| at.elapsed() < MAX_AGE) || self.0.renewing.swap(true, Ordering::AcqRel) {
            return;
        }
        let keys = self.clone();
        tokio::spawn(async move {
            keys.renew().await;
            keys.0.renewing.store(false, Ordering::Release);
        });
    }

    fn known(&self, key_id: &str) -> Option<(DecodingKey, u64)> {
        let current = self.current();
        current.keys.get(key_id).map(|(_, key)| (key.clone(), current.generation))
    }

    fn current(&self) -> KeySet {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One fetch at a time; who waited for another's does not fetch again.
    async fn renew(&self) {
        let Some(url) = &self.0.url else { return };
        let _one = self.0.attempt.lock().await;
        if self.too_soon() {
            return;
        }
        let fetched = fetch(url).await;
        self.note_attempt(fetched.is_ok());
        match fetched {
            Ok(set) => self.store(usable(set), Some(Instant::now())),
            Err(error) => {
                tracing::warn!(%url, %error, "the keys for tokens cannot be fetched");
                self.drop_stale();
            }
        }
    }

    fn too_soon(&self) -> bool {
        let last = *self.0.last_attempt.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|(at, good)| at.elapsed() < if good { MIN_INTERVAL } else { RETRY_INTERVAL })
    }

    fn note_attempt(&self, good: bool) {
        let attempt = Some((Instant::now(), good));
        *self.0.last_attempt.lock().unwrap_or_else(PoisonError::into_inner) = attempt;
    }

    fn store(&self, keys: Arc<KeyMap>, fetched: Option<Instant>) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        let same = keys.len() == current.keys.len()
            && keys.iter().all(|(id, (jwk, _))| current.keys.get(id).is_some_and(|(old, _)| old == jwk));
        let generation = current.generation + u64::from(!same);
        *current = KeySet { keys, generation, fetched };
    }

    fn drop_stale(&self) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.fetched.is_some_and(|at| at.elapsed() > MAX_STALE) {
            *current = KeySet { generation: current.generation + 1, ..KeySet::default() };
        }
    }
}

/// Ed25519 keys with an id; others are not for us.
fn usable(set: JwkSet) -> Arc<KeyMap> {
    let keys = set.keys.into_iter().filter_map(|jwk| {
        let ed25519 = matches!(&jwk.algorithm,
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519);
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| ed25519)?;
        Some((jwk.common.key_id.clone()?, (jwk, key)))
    });
    Arc::new(keys.collect())
}

async fn fetch(url: &str) -> Result<JwkSet, FetchError> {
    tls::install();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(FETCH_TIMEOUT)
        .build()?;
    let mut response = client.get(url).send().await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status()));
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        document.extend_from_slice(&chunk);
        if document.len() > MAX_DOCUMENT {
            return Err(FetchError::TooLarge);
        }
    }
    Ok(serde_json::from_slice(&document)?)
}
