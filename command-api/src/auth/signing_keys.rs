//! The keys that sign access tokens: made once, shared by all replicas, private halves encrypted at rest.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use chrono::{DateTime, Utc};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use event_store::in_transaction;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use service::secrets::SecretKey;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

const NONCE: usize = 24;
/// Two processes that start at once make one key.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('event_store.signing_keys'))";

/// The signing keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeysError {
    /// The database did not answer as asked.
    #[error("the signing keys cannot be read")]
    Database(#[from] sqlx::Error),
    /// Made under another secret key, or damaged.
    #[error("a signing key cannot be decrypted: is TASKLEDGER_SECRET_KEY_FILE that of this installation?")]
    Undecipherable,
}

/// The key that signs now, and the document with all that are accepted.
pub struct SigningKeys {
    pub(super) kid: String,
    pub(super) key: EncodingKey,
    jwks: String,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    kid: String,
    public_key: Vec<u8>,
    private_key: Vec<u8>,
    use_from: DateTime<Utc>,
}

impl SigningKeys {
    /// Reads the keys; makes the first one.
    pub async fn load(pool: &PgPool, secret: &SecretKey) -> Result<Self, SigningKeysError> {
        let wrapping = XChaCha20Poly1305::new(&secret.derive("signing keys").into());
        let rows: Vec<Row> = in_transaction(pool, {
            let wrapping = wrapping.clone();
            move |connection| Box::pin(find_or_make(connection, wrapping))
        })
        .await?;
        let now = Utc::now();
        let current = rows.iter().filter(|row| row.use_from <= now).max_by_key(|row| row.use_from);
        let current = current.ok_or(SigningKeysError::Undecipherable)?;
        let key = open(&wrapping, current).ok_or(SigningKeysError::Undecipherable)?;
        let der = key.to_pkcs8_der().map_err(|_| SigningKeysError::Undecipherable)?;
        let jwks = json!({"keys": rows.iter().map(jwk).collect::<Vec<_>>()}).to_string();
        Ok(Self { kid: current.kid.clone(), key: EncodingKey::from_ed_der(der.as_bytes()), jwks })
    }

    /// The JWKS document.
    pub fn jwks(&self) -> &str {
        &self.jwks
    }
}

async fn find_or_make(
    connection: &mut PgConnection,
    wrapping: XChaCha20Poly1305,
) -> Result<Vec<Row>, SigningKeysError> {
    sqlx::query(LOCK).execute(&mut *connection).await?;
    let rows = find(connection).await?;
    if !rows.is_empty() {
        return Ok(rows);
    }
    const SQL: &str = "INSERT INTO event_store.signing_keys (kid, public_key, private_key, use_from) \
         VALUES ($1, $2, $3, '-infinity')";
    let key = SigningKey::from_bytes(&rand::random());
    let kid = Uuid::now_v7().to_string();
    let sealed = seal(&wrapping, &kid, &key).ok_or(SigningKeysError::Undecipherable)?;
    let query = sqlx::query(SQL).bind(kid).bind(key.verifying_key().to_bytes().to_vec()).bind(sealed);
    query.execute(&mut *connection).await?;
    find(connection).await
}

async fn find(connection: &mut PgConnection) -> Result<Vec<Row>, SigningKeysError> {
    const SQL: &str = "SELECT kid, public_key, private_key, greatest(use_from, '1970-01-01') AS use_from \
         FROM event_store.signing_keys WHERE retired_at IS NULL OR retired_at > now() ORDER BY use_from, kid";
    Ok(sqlx::query_as(SQL).fetch_all(connection).await?)
}

fn seal(wrapping: &XChaCha20Poly1305, kid: &str, key: &SigningKey) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE] = rand::random();
    let bytes = key.to_bytes();
    let payload = chacha20poly1305::aead::Payload { msg: &bytes, aad: kid.as_bytes() };
    let sealed = wrapping.encrypt(&XNonce::from(nonce), payload).ok()?;
    Some([nonce.as_slice(), &sealed].concat())
}

fn open(wrapping: &XChaCha20Poly1305, row: &Row) -> Option<SigningKey> {
    let (nonce, sealed) = row.private_key.split_first_chunk::<NONCE>()?;
    let payload = chacha20poly1305::aead::Payload { msg: sealed, aad: row.kid.as_bytes() };
    let bytes = wrapping.decrypt(&XNonce::from(*nonce), payload).ok()?;
    let key = SigningKey::from_bytes(&bytes.try_into().ok()?);
    (key.verifying_key().to_bytes().as_slice() == row.public_key).then_some(key)
}

fn jwk(row: &Row) -> Value {
    let x = URL_SAFE_NO_PAD.encode(&row.public_key);
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": row.kid, "x": x})
}
