//! A provider as this process knows it: asked when somebody needs it, remembered for a while.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{DecodingKey, Header};
use tokio::{sync::Mutex, time::Instant};

use super::{
    config::ProviderConfig,
    discovery::{Metadata, discover},
    error::OidcError,
    keys::Keys,
    outbound::{Outbound, OutboundError},
};

/// What is older is asked for again, and used on while the provider does not answer.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// An unknown key makes us ask again, but not more often than this.
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// Who comes while a provider does not answer is told so at once, for this long.
const PAUSE: Duration = Duration::from_secs(1);

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) config: ProviderConfig,
    pub(super) outbound: Outbound,
    metadata: Mutex<Remembered<Metadata>>,
    keys: Mutex<Remembered<Keys>>,
}

/// A document, and when it was asked for last. Whoever holds the lock asks for all who wait.
#[derive(Debug)]
struct Remembered<T> {
    known: Option<Arc<T>>,
    fetched: Option<Instant>,
    failed: Option<Instant>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self { known: None, fetched: None, failed: None }
    }
}

impl<T> Remembered<T> {
    /// The document, asked for if it is older than this.
    async fn get(
        &mut self,
        max_age: Duration,
        fetch: impl Future<Output = Result<T, OutboundError>>,
    ) -> Result<Arc<T>, OutboundError> {
        let young = self.fetched.is_some_and(|at| at.elapsed() < max_age);
        let just_failed = self.failed.is_some_and(|at| at.elapsed() < PAUSE);
        if let Some(known) = self.known.as_ref().filter(|_| young || just_failed) {
            return Ok(Arc::clone(known));
        }
        if just_failed {
            return Err(OutboundError::JustFailed);
        }
        match fetch.await {
            Ok(document) => {
                let document = Arc::new(document);
                let now = Some(Instant::now());
                *self = Self { known: Some(Arc::clone(&document)), fetched: now, failed: None };
                Ok(document)
            }
            Err(error) => {
                self.failed = Some(Instant::now());
                self.known.clone().ok_or(error)
            }
        }
    }
}

impl Provider {
    pub(super) fn new(config: ProviderConfig, outbound: Outbound) -> Self {
        Self { config, outbound, metadata: Mutex::default(), keys: Mutex::default() }
    }

    /// Where its endpoints are and what it can do.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, OutboundError> {
        let fetch = discover(&self.outbound, &self.config);
        self.metadata.lock().await.get(MAX_AGE, fetch).await
    }

    /// The key that a token was signed with, says its header.
    pub(super) async fn key(&self, metadata: &Metadata, header: &Header) -> Result<DecodingKey, OidcError> {
        for max_age in [MAX_AGE, MIN_INTERVAL] {
            let fetch = self.outbound.get::<Keys>(metadata.jwks.clone());
            let keys = self.keys.lock().await.get(max_age, fetch).await?;
            if let Some(key) = keys.find(header) {
                return Ok(key);
            }
        }
        Err(OidcError::NotBelieved("signed with an unknown key"))
    }
}
