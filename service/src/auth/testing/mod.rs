//! Tokens for tests, good ones and bad ones.

mod forgeries;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use chrono::{TimeDelta, Utc};
use ed25519_dalek::{Signer, SigningKey};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KeySource, Principal, Revocations, Verifier};
use crate::secrets::SecretKey;

pub use forgeries::{Forgery, forgeries};

/// The issuer and audience of tokens made here.
pub const ISSUER: &str = "http://localhost:8080";
/// See [`ISSUER`].
pub const AUDIENCE: &str = "taskledger";

/// Signs tokens like command-api does.
#[derive(Debug)]
pub struct Minter {
    key: SigningKey,
    key_id: String,
}

impl Default for Minter {
    fn default() -> Self {
        Self { key: SigningKey::from_bytes(&rand::random()), key_id: Uuid::now_v7().to_string() }
    }
}

impl Minter {
    /// Signs as an installation does: with the key of this name and this sealed private half in its table.
    pub fn of_installation(secret: &SecretKey, key_id: &str, sealed: &[u8]) -> Option<Self> {
        let cipher = XChaCha20Poly1305::new(&secret.derive("signing keys").into());
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        let payload = Payload { msg: sealed, aad: key_id.as_bytes() };
        let key: [u8; 32] = cipher.decrypt(&XNonce::from(*nonce), payload).ok()?.try_into().ok()?;
        Some(Self { key: SigningKey::from_bytes(&key), key_id: key_id.to_owned() })
    }

    /// What a token says.
    pub fn read(token: &str) -> Value {
        let claims = token.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
        claims.and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default()
    }

    /// The token as it would be with these times an hour earlier.
    pub fn aged(&self, token: &str, times: &[&str]) -> String {
        let mut claims = Self::read(token);
        for time in times {
            claims[time] = claims[time].as_i64().map(|time| time - 3600).into();
        }
        self.sign(&self.header(), &claims)
    }

    /// The token as it will be in an hour.
    pub fn expired(&self, token: &str) -> String {
        self.aged(token, &["iat", "nbf", "exp", "auth_time"])
    }

    /// A token of this user with these roles, good for ten minutes.
    pub fn token(&self, user: Uuid, roles: &[&str]) -> String {
        let mut claims = Self::claims(user);
        claims["roles"] = json!(roles);
        self.sign(&self.header(), &claims)
    }

    /// The claims of a good token of this user.
    pub fn claims(user: Uuid) -> Value {
        let now = Utc::now().timestamp();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": user, "sid": Uuid::now_v7(), "jti": Uuid::now_v7(),
            "iat": now, "nbf": now, "exp": now + 600, "auth_time": now, "amr": ["pwd"],
            "roles": ["member"], "epoch": 1,
        })
    }

    /// The header of a good token.
    pub fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id})
    }

    /// Signs whatever is asked, so that bad tokens can be made too.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Like [`Self::sign`], for texts that no JSON library would write.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    /// The JWKS document with the public key.
    pub fn jwks(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.key_id, "x": x}]})
    }

    fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// A verifier that knows the key; nothing is revoked.
    pub fn verifier(&self) -> Verifier {
        self.verifier_with(nothing_revoked())
    }

    /// A verifier that knows the key and what is revoked.
    pub fn verifier_with(&self, revocations: Revocations) -> Verifier {
        let set: JwkSet = serde_json::from_value(self.jwks()).unwrap_or(JwkSet { keys: Vec::new() });
        Verifier::new(KeySource::Fixed(set), ISSUER, AUDIENCE, revocations)
    }
}

/// Somebody with a token of this epoch that is good for ten minutes.
pub fn principal(epoch: u64) -> Principal {
    let now = Utc::now();
    Principal {
        user_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        token_id: Uuid::now_v7().to_string().into(),
        key_id: Uuid::now_v7().to_string().into(),
        roles: Arc::from(["member".to_owned()]),
        epoch,
        auth_time: now,
        methods: Arc::from(["pwd".to_owned()]),
        expires_at: now + TimeDelta::minutes(10),
        scopes: None,
        rate_per_minute: None,
        is_system: false,
    }
}

/// A set that needs no Postgres and is believed for ever.
pub fn nothing_revoked() -> Revocations {
    Revocations::none()
}
