//! The table of signing keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use chrono::{DateTime, Utc};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::SigningKeysError;

const NONCE: usize = 24;

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    pub(super) kid: String,
    pub(super) public_key: Vec<u8>,
    pub(super) private_key: Vec<u8>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) use_from: DateTime<Utc>,
    pub(super) retired_at: Option<DateTime<Utc>>,
}

/// The keys that are published at this time, by time of use.
pub(super) async fn published(
    executor: impl PgExecutor<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Row>, sqlx::Error> {
    const SQL: &str = "SELECT kid, public_key, private_key, created_at, retired_at, \
           greatest(use_from, '1970-01-01') AS use_from FROM event_store.signing_keys \
         WHERE dropped_at IS NULL AND (retired_at IS NULL OR retired_at > $1) ORDER BY use_from, kid";
    sqlx::query_as(SQL).bind(now).fetch_all(executor).await
}

/// Makes a key that signs from then on; none = from ever. Its name.
pub(super) async fn make(
    connection: &mut PgConnection,
    wrapping: &XChaCha20Poly1305,
    now: DateTime<Utc>,
    use_from: Option<DateTime<Utc>>,
) -> Result<String, SigningKeysError> {
    const SQL: &str = "INSERT INTO event_store.signing_keys (kid, public_key, private_key, created_at, use_from) \
         VALUES ($1, $2, $3, $4, coalesce($5, '-infinity'))";
    let key = SigningKey::from_bytes(&rand::random());
    let kid = Uuid::now_v7().to_string();
    let sealed = seal(wrapping, &kid, &key).ok_or(SigningKeysError::Undecipherable)?;
    let query = sqlx::query(SQL).bind(&kid).bind(key.verifying_key().to_bytes().to_vec()).bind(sealed);
    query.bind(now).bind(use_from).execute(connection).await?;
    Ok(kid)
}

fn seal(wrapping: &XChaCha20Poly1305, kid: &str, key: &SigningKey) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE] = rand::random();
    let payload = Payload { msg: &key.to_bytes(), aad: kid.as_bytes() };
    let sealed = wrapping.encrypt(&XNonce::from(nonce), payload).ok()?;
    Some([nonce.as_slice(), &sealed].concat())
}

impl Row {
    /// The private half.
    pub(super) fn open(&self, wrapping: &XChaCha20Poly1305) -> Option<SigningKey> {
        let (nonce, sealed) = self.private_key.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: self.kid.as_bytes() };
        let bytes = wrapping.decrypt(&XNonce::from(*nonce), payload).ok()?;
        let key = SigningKey::from_bytes(&bytes.try_into().ok()?);
        (key.verifying_key().to_bytes().as_slice() == self.public_key).then_some(key)
    }

    /// The public half.
    pub(super) fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(&self.public_key);
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x})
    }
}
