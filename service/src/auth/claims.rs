//! The form of an access token, checked before and after its signature.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};
use serde::Deserialize;
use uuid::Uuid;

use super::{Principal, TokenError};
use crate::json::{self, Value};

/// Longer tokens are not looked at (bytes).
const MAX_TOKEN: usize = 8 * 1024;
/// Clocks may differ by this much (seconds).
pub(super) const SKEW: u64 = 30;

/// A token whose form is right; the signature is still to be checked.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    token: &'t str,
    pub(super) key_id: String,
}

impl<'t> Unverified<'t> {
    /// Three parts, a header of exactly `alg`, `kid` and `typ`, and no member twice anywhere.
    pub(super) fn parse(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid("too long"));
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, _signature] = parts[..] else {
            return Err(TokenError::Invalid("not three parts"));
        };
        members(&decode(payload)?)?;
        let key_id = key_id(&decode(header)?)?;
        Ok(Self { token, key_id })
    }

    /// Checks signature, issuer, audience and times.
    pub(super) fn verify(&self, key: &DecodingKey, rules: &Rules) -> Result<Principal, TokenError> {
        let decoded = jsonwebtoken::decode::<Claims>(self.token, key, &rules.0);
        let claims = decoded.map_err(|error| refusal(error.kind()))?.claims;
        if claims.iat > chrono::Utc::now().timestamp().saturating_add_unsigned(SKEW) {
            return Err(TokenError::Invalid("issued in the future"));
        }
        claims.principal(&self.key_id).ok_or(TokenError::Invalid("a time out of range"))
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Invalid("not base64url"))
}

/// The members of a JSON object without duplicates.
fn members(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>, TokenError> {
    match json::parse(bytes) {
        Ok((Value::Object(members), violations)) if violations.is_empty() => {
            Ok(members.into_iter().map(|(name, value)| (name.into_owned(), text(value))).collect())
        }
        _ => Err(TokenError::Invalid("not an object, or a member twice")),
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text.into_owned()),
        _ => None,
    }
}

/// `jku`, `jwk`, `x5u`, `crit`, `zip` and whatever else might steer the verification are refused.
fn key_id(header: &[u8]) -> Result<String, TokenError> {
    let (mut algorithm, mut kind, mut key_id) = (None, None, None);
    for (name, value) in members(header)? {
        match name.as_str() {
            "alg" => algorithm = value,
            "typ" => kind = value,
            "kid" => key_id = value,
            _ => return Err(TokenError::Invalid("unknown header member")),
        }
    }
    let typed = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("at+jwt"));
    match (algorithm.as_deref(), typed, key_id) {
        (Some("EdDSA"), true, Some(key_id)) if key_id.len() <= 128 => Ok(key_id),
        _ => Err(TokenError::Invalid("alg, typ or kid")),
    }
}

fn refusal(kind: &ErrorKind) -> TokenError {
    match kind {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::InvalidSignature => TokenError::Invalid("signature"),
        ErrorKind::InvalidIssuer => TokenError::Invalid("issuer"),
        ErrorKind::InvalidAudience => TokenError::Invalid("audience"),
        ErrorKind::ImmatureSignature => TokenError::Invalid("not yet valid"),
        _ => TokenError::Invalid("claims"),
    }
}

/// What tokens of this installation must say.
#[derive(Debug)]
pub(super) struct Rules(Validation);

impl Rules {
    pub(super) fn new(issuer: &str, audience: &str) -> Self {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.leeway = SKEW;
        rules.validate_nbf = true;
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        Self(rules)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    jti: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(default)]
    amr: Vec<String>,
    roles: Vec<String>,
    epoch: u64,
}

impl Claims {
    fn principal(self, key_id: &str) -> Option<Principal> {
        Some(Principal {
            user_id: self.sub,
            session_id: self.sid,
            token_id: Arc::from(self.jti),
            key_id: Arc::from(key_id),
            roles: Arc::from(self.roles),
            epoch: self.epoch,
            auth_time: DateTime::from_timestamp(self.auth_time, 0)?,
            methods: Arc::from(self.amr),
            expires_at: DateTime::from_timestamp(self.exp, 0)?,
            scopes: None,
            rate_per_minute: None,
            is_system: false,
        })
    }
}
