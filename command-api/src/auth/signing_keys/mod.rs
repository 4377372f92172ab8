//! The keys that sign access tokens: shared by all replicas, private halves encrypted at rest, a new one every month.
//!
//! A key is published a day before it signs, so that every verifier knows it by then, and until the last token that it
//! signed is over. One that was dropped in an emergency is not published any more, and its tokens are revoked.

mod rotation;
mod rows;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{EncodingKey, jwk::JwkSet};
use serde_json::json;
use service::secrets::SecretKey;
use sqlx::PgPool;

use rows::Row;

/// The signing keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The database did not answer as asked.
    #[error("the signing keys cannot be read")]
    Database(#[from] sqlx::Error),
    /// Made under another secret key, or damaged.
    #[error("a signing key cannot be decrypted: is TASKLEDGER_SECRET_KEY_FILE that of this installation?")]
    Undecipherable,
    /// None of that name is published.
    #[error("no signing key {0} is in use")]
    Unknown(String),
}

/// A signing key as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Its name in tokens and in the JWKS document.
    pub kid: String,
    /// What it is there for.
    pub state: KeyState,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// From when on it signs.
    pub use_from: DateTime<Utc>,
    /// Until when it is published, if that is known.
    pub retired_at: Option<DateTime<Utc>>,
}

/// Where a signing key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, does not sign yet.
    Next,
    /// Signs.
    Current,
    /// Signs no more; published for its last tokens.
    Retiring,
}

/// The signing keys as they stand. Cheap to clone; all clones see what [`SigningKeys::renew`] has found.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    pool: PgPool,
    wrapping: XChaCha20Poly1305,
    loaded: RwLock<Arc<Loaded>>,
}

/// One reading of the table.
struct Loaded {
    /// By time of use.
    signers: Vec<Signer>,
    jwks: String,
}

struct Signer {
    kid: String,
    use_from: DateTime<Utc>,
    key: EncodingKey,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKeys")
    }
}

impl SigningKeys {
    /// Reads the keys; makes the first one.
    pub async fn load(pool: &PgPool, secret: &SecretKey) -> Result<Self, SigningKeysError> {
        let wrapping = XChaCha20Poly1305::new(&secret.derive("signing keys").into());
        let nothing = Loaded { signers: Vec::new(), jwks: String::new() };
        let loaded = RwLock::new(Arc::new(nothing));
        let keys = Self(Arc::new(Inner { pool: pool.clone(), wrapping, loaded }));
        keys.renew(Utc::now()).await?;
        Ok(keys)
    }

    /// Makes the next key if it is time, and reads what is in use now.
    pub async fn renew(&self, now: DateTime<Utc>) -> Result<(), SigningKeysError> {
        let Inner { pool, wrapping, .. } = &*self.0;
        let mut rows = rows::published(pool, now).await?;
        if rotation::next_use(&rows, now).is_some() {
            rotation::rotate(pool, wrapping, now).await?;
            rows = rows::published(pool, now).await?;
        }
        let loaded = Loaded::read(wrapping, &rows).ok_or(SigningKeysError::Undecipherable)?;
        *self.0.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(())
    }

    /// Makes the next key now, whatever the age of the present one; does nothing if there is one already.
    pub async fn rotate(&self, now: DateTime<Utc>) -> Result<(), SigningKeysError> {
        rotation::rotate_early(&self.0.pool, &self.0.wrapping, now).await?;
        self.renew(now).await
    }

    /// In an emergency: the key is published no more, its tokens are refused, another one takes over.
    pub async fn drop_key(&self, kid: &str, now: DateTime<Utc>) -> Result<(), SigningKeysError> {
        if !rotation::drop_key(&self.0.pool, &self.0.wrapping, kid, now).await? {
            return Err(SigningKeysError::Unknown(kid.to_owned()));
        }
        self.renew(now).await
    }

    /// The keys that are published, by time of use.
    pub async fn list(&self, now: DateTime<Utc>) -> Result<Vec<KeyView>, SigningKeysError> {
        let rows = rows::published(&self.0.pool, now).await?;
        let current = rotation::current(&rows, now).map(|row| row.use_from);
        let state = |row: &Row| match current {
            Some(current) if row.use_from < current => KeyState::Retiring,
            Some(current) if row.use_from == current => KeyState::Current,
            _ => KeyState::Next,
        };
        let view = |row: Row| KeyView {
            state: state(&row),
            kid: row.kid,
            created_at: row.created_at,
            use_from: row.use_from,
            retired_at: row.retired_at,
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Signs with the key whose time it is; none in the moments after the only one was dropped.
    pub(super) fn sign<T>(
        &self,
        now: DateTime<Utc>,
        sign: impl FnOnce(&str, &EncodingKey) -> T,
    ) -> Option<T> {
        let loaded = self.loaded();
        let current = loaded.signers.iter().rev().find(|signer| signer.use_from <= now)?;
        Some(sign(&current.kid, &current.key))
    }

    /// The JWKS document.
    pub fn jwks(&self) -> String {
        self.loaded().jwks.clone()
    }

    /// The public keys, for the verifier of this process.
    pub fn public(&self) -> Result<JwkSet, SigningKeysError> {
        serde_json::from_str(&self.loaded().jwks).map_err(|_| SigningKeysError::Undecipherable)
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Loaded {
    fn read(wrapping: &XChaCha20Poly1305, rows: &[Row]) -> Option<Self> {
        let signer = |row: &Row| {
            let der = row.open(wrapping)?.to_pkcs8_der().ok()?;
            let key = EncodingKey::from_ed_der(der.as_bytes());
            Some(Signer { kid: row.kid.clone(), use_from: row.use_from, key })
        };
        let signers = rows.iter().map(signer).collect::<Option<_>>()?;
        let jwks = json!({"keys": rows.iter().map(Row::jwk).collect::<Vec<_>>()}).to_string();
        Some(Self { signers, jwks })
    }
}
