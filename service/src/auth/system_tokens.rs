//! What the system itself shows when one of its services asks another for a command: made and recognised with a key that only
//! services have, and good for a minute, so that nobody keeps or revokes any.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac;
use uuid::Uuid;

use super::{Principal, TokenError};
use crate::secrets::{Secret, SecretKey, hmac_of};

/// So that people and scanners know one when they see it.
const PREFIX: &str = "tls_";
const LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// Makes and recognises the tokens of one installation. Cheap to clone.
#[derive(Clone)]
pub struct SystemTokens(Arc<Secret<[u8; 32]>>);

impl fmt::Debug for SystemTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemTokens")
    }
}

impl SystemTokens {
    /// Tokens under a key of their own.
    pub fn new(secret: &SecretKey) -> Self {
        Self(Arc::new(Secret::new(secret.derive("system tokens"))))
    }

    /// A token that is good for a minute from now.
    pub fn mint(&self, now: DateTime<Utc>) -> String {
        let end = (now + LIFETIME).timestamp().to_be_bytes();
        let named = [&end[..], &rand::random::<[u8; 16]>()].concat();
        let mac = hmac_of(self.0.expose()).chain_update(&named).finalize().into_bytes();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&named[..], &mac].concat()))
    }

    /// Whether the token is for us.
    pub(super) fn claims(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// The system, if the token is good now.
    pub(super) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, TokenError> {
        let end = self.read(token).ok_or(TokenError::Invalid("not a token of the system"))?;
        let expires_at = DateTime::from_timestamp(end, 0).filter(|end| *end - now <= LIFETIME * 2);
        let expires_at = expires_at.ok_or(TokenError::Invalid("not a token of the system"))?;
        if expires_at < now {
            return Err(TokenError::Expired);
        }
        Ok(Principal {
            user_id: Uuid::nil(),
            session_id: Uuid::nil(),
            token_id: Arc::from(""),
            key_id: Arc::from(""),
            roles: Arc::from([]),
            epoch: 0,
            auth_time: DateTime::UNIX_EPOCH,
            methods: Arc::from(["system".to_owned()]),
            expires_at,
            scopes: None,
            rate_per_minute: None,
            is_system: true,
        })
    }

    fn read(&self, token: &str) -> Option<i64> {
        let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (named, mac) = bytes.split_first_chunk::<24>()?;
        hmac_of(self.0.expose()).chain_update(named).verify_slice(mac).ok()?;
        Some(i64::from_be_bytes(*named.first_chunk()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_of_this_installation_are_good_and_for_a_minute_only() {
        let tokens = |byte| SystemTokens::new(&SecretKey::from_bytes([byte; 32]));
        let (ours, now) = (tokens(7), Utc::now());
        let token = ours.mint(now);
        assert!(ours.verify(&token, now).is_ok_and(|principal| principal.is_system));
        assert!(ours.verify(&token, now + TimeDelta::seconds(59)).is_ok());
        assert_eq!(ours.verify(&token, now + TimeDelta::seconds(62)), Err(TokenError::Expired));
        assert_ne!(ours.mint(now), token);
        assert!(tokens(8).verify(&token, now).is_err());
        for index in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert!(ours.verify(&String::from_utf8(other).unwrap(), now).is_err(), "{index}");
            assert!(ours.verify(&token[..index], now).is_err(), "{index}");
        }
    }
}
