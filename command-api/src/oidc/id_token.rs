//! ID tokens: who somebody is at a provider, believed only after all of it was checked (OpenID Connect Core, 3.1.3.7).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use serde::Deserialize;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::OidcError;

/// How far a provider's clock may be off, in seconds.
const SKEW: u64 = 60;
/// How long ago a token may have been made that comes straight from its provider, in seconds.
const MAX_AGE: i64 = 600;
/// As the protocol has it.
const MAX_SUBJECT: usize = 255;

/// What a provider says of a person, unchecked.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Profile {
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<Flag>,
    pub(super) name: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) family_name: Option<String>,
    pub(super) preferred_username: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) zoneinfo: Option<String>,
}

/// Some providers say it with a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Flag {
    Bool(bool),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Flag {
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(value) => *value,
            Self::Text(text) => text == "true",
            Self::Other(_) => false,
        }
    }
}

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) algorithm: Algorithm,
    /// The one that came with it.
    pub(super) access_token: &'a str,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    Many(Vec<String>),
    One(serde::de::IgnoredAny),
}

/// The claims that we use.
#[derive(Deserialize)]
pub(super) struct Claims {
    aud: Audience,
    azp: Option<String>,
    iat: i64,
    nonce: Option<String>,
    at_hash: Option<String>,
    pub(super) sub: String,
    pub(super) auth_time: Option<i64>,
    #[serde(flatten)]
    pub(super) profile: Profile,
}

/// Checks signature and claims.
pub(super) fn verify(token: &str, key: &DecodingKey, expected: &Expected<'_>) -> Result<Claims, OidcError> {
    let mut rules = Validation::new(expected.algorithm);
    rules.leeway = SKEW;
    rules.validate_nbf = true;
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client_id]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let decoded = decode::<Claims>(token, key, &rules);
    let claims = decoded.map_err(|error| OidcError::NotBelieved(complaint(error.kind())))?.claims;
    claims.check(expected, Utc::now().timestamp())?;
    Ok(claims)
}

impl Claims {
    fn check(&self, expected: &Expected<'_>, now: i64) -> Result<(), OidcError> {
        let skew = SKEW.cast_signed();
        let only_for_us = match &self.aud {
            Audience::Many(all) => all.len() == 1 || self.azp.is_some(),
            Audience::One(_) => true,
        };
        let same_nonce = |nonce: &String| bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes()));
        let complaint = if !only_for_us || self.azp.as_ref().is_some_and(|azp| azp != expected.client_id) {
            "made for somebody else (azp)"
        } else if !(now - MAX_AGE..=now + skew).contains(&self.iat) {
            "made too long ago, or not yet (iat)"
        } else if !self.nonce.as_ref().is_some_and(same_nonce) {
            "made for another login (nonce)"
        } else if self.at_hash.as_ref().is_some_and(|hash| !is_hash_of(hash, expected)) {
            "made with another access token (at_hash)"
        } else if self.sub.is_empty() || self.sub.len() > MAX_SUBJECT {
            "without a usable subject (sub)"
        } else {
            return Ok(());
        };
        Err(OidcError::NotBelieved(complaint))
    }
}

/// The left half of the access token's hash, by the algorithm of the signature.
fn is_hash_of(hash: &str, expected: &Expected<'_>) -> bool {
    let token = expected.access_token.as_bytes();
    let whole = match expected.algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(token).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => Sha512::digest(token).to_vec(),
        _ => Sha256::digest(token).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&whole[..whole.len() / 2]) == hash
}

fn complaint(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "expired (exp)",
        ErrorKind::ImmatureSignature => "not yet valid (nbf)",
        ErrorKind::InvalidSignature => "signed with another key",
        ErrorKind::InvalidIssuer => "made by somebody else (iss)",
        ErrorKind::InvalidAudience => "made for somebody else (aud)",
        ErrorKind::MissingRequiredClaim(_) => "without a claim that all tokens have",
        _ => "malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OpenID Connect Core, A.3.
    #[test]
    fn the_hash_of_an_access_token_is_that_of_the_specification() {
        let expected = Expected {
            issuer: "",
            client_id: "",
            nonce: "",
            algorithm: Algorithm::RS256,
            access_token: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        };
        assert!(is_hash_of("77QmUPtjPfzWtF2AnpK9RQ", &expected));
        assert!(!is_hash_of("77QmUPtjPfzWtF2AnpK9RR", &expected));
        assert!(!is_hash_of("77QmUPtjPfzWtF2AnpK9RQ", &Expected { algorithm: Algorithm::RS512, ..expected }));
    }
}
