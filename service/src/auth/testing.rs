//! Tokens for tests, signed with a key made on the spot.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use ed25519_dalek::{Signer, SigningKey};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{KeySource, Verifier};

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
        let x = URL_SAFE_NO_PAD.encode(self.key.verifying_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.key_id, "x": x}]})
    }

    /// A verifier that knows the key.
    pub fn verifier(&self) -> Verifier {
        let set: JwkSet = serde_json::from_value(self.jwks()).unwrap_or(JwkSet { keys: Vec::new() });
        Verifier::new(KeySource::Fixed(set), ISSUER, AUDIENCE)
    }
}
