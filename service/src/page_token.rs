//! Tokens for the next page: sealed, bound to the filters, good for three days. They grant nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    problem::{Code, Problem},
    secrets::SecretKey,
};

/// Tokens are refused this many seconds after they were made.
const LIFETIME: i64 = 3 * 24 * 3600;
const NONCE: usize = 24;
const TIME: usize = 8;

/// Seals and opens the tokens of one installation.
#[derive(Clone)]
pub struct PageTokens(XChaCha20Poly1305);

/// Why a page token is refused; clients see `INVALID_PAGE_TOKEN` for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// Not made by this installation, changed on the way, or made for other filters.
    #[error("the token was not made for this list and these filters")]
    Foreign,
    /// Older than three days.
    #[error("the token is older than three days")]
    Expired,
}

impl From<PageTokenError> for Problem {
    fn from(error: PageTokenError) -> Self {
        Problem::new(Code::InvalidPageToken).caused_by(error)
    }
}

impl PageTokens {
    /// Tokens under a key of their own.
    pub fn new(key: &SecretKey) -> Self {
        Self(XChaCha20Poly1305::new(&key.derive("page tokens").into()))
    }

    /// Seals the sort key of a page's last item. `list` names the list (its path), `filter` its filters
    /// ([`crate::query::Query::filter_hash`]).
    pub fn seal<K: Serialize>(
        &self,
        list: &str,
        filter: [u8; 32],
        key: &K,
        now: DateTime<Utc>,
    ) -> Result<String, serde_json::Error> {
        let mut plain = now.timestamp().to_be_bytes().to_vec();
        serde_json::to_writer(&mut plain, key)?;
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: &plain, aad: &bound_to(list, filter) };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| serde::ser::Error::custom("the key of a page is too long"))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a token that was sealed for the same list and filters.
    pub fn open<K: DeserializeOwned>(
        &self,
        list: &str,
        filter: [u8; 32],
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<K, PageTokenError> {
        let (made, key) = self.unseal(list, filter, token)?;
        if now.timestamp() - made > LIFETIME {
            return Err(PageTokenError::Expired);
        }
        Ok(key)
    }

    /// The same, however old the token is: for places that somebody comes back to after years.
    pub fn open_of_any_age<K: DeserializeOwned>(
        &self,
        list: &str,
        filter: [u8; 32],
        token: &str,
    ) -> Result<K, PageTokenError> {
        self.unseal(list, filter, token).map(|(_, key)| key)
    }

    /// When the token was made, and what it holds.
    fn unseal<K: DeserializeOwned>(
        &self,
        list: &str,
        filter: [u8; 32],
        token: &str,
    ) -> Result<(i64, K), PageTokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| PageTokenError::Foreign)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(PageTokenError::Foreign)?;
        let payload = Payload { msg: sealed, aad: &bound_to(list, filter) };
        let plain = self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| PageTokenError::Foreign)?;
        let (time, key) = plain.split_first_chunk::<TIME>().ok_or(PageTokenError::Foreign)?;
        let key = serde_json::from_slice(key).map_err(|_| PageTokenError::Foreign)?;
        Ok((i64::from_be_bytes(*time), key))
    }
}

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens")
    }
}

fn bound_to(list: &str, filter: [u8; 32]) -> Vec<u8> {
    [&filter[..], list.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    type Key = (String, u64);

    fn tokens() -> PageTokens {
        PageTokens::new(&SecretKey::from_bytes([1; 32]))
    }

    #[test]
    fn a_token_opens_for_its_own_list_and_filters_only() {
        let (tokens, now) = (tokens(), Utc::now());
        let token = tokens.seal("/v1/tasks", [2; 32], &("T-1", 7_u64), now).unwrap();
        let open = |list, filter| tokens.open::<Key>(list, filter, &token, now);
        assert_eq!(open("/v1/tasks", [2; 32]), Ok(("T-1".to_owned(), 7)));
        assert_eq!(open("/v1/users", [2; 32]), Err(PageTokenError::Foreign));
        assert_eq!(open("/v1/tasks", [3; 32]), Err(PageTokenError::Foreign));
        assert!(!token.contains("T-1"));
    }

    #[test]
    fn tokens_end_after_three_days() {
        let (tokens, now) = (tokens(), Utc::now());
        let token = tokens.seal("", [0; 32], &7, now).unwrap();
        let at = |time| tokens.open::<i32>("", [0; 32], &token, time);
        assert_eq!(at(now + TimeDelta::days(3)), Ok(7));
        assert_eq!(at(now + TimeDelta::days(3) + TimeDelta::seconds(1)), Err(PageTokenError::Expired));
        let old = tokens.seal("", [0; 32], &7, now - TimeDelta::days(3_000)).unwrap();
        assert_eq!(tokens.open_of_any_age::<i32>("", [0; 32], &old), Ok(7));
        assert_eq!(tokens.open_of_any_age::<i32>("", [1; 32], &old), Err(PageTokenError::Foreign));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let (tokens, now) = (tokens(), Utc::now());
        let token = tokens.seal("", [0; 32], &7, now).unwrap();
        let foreign = PageTokens::new(&SecretKey::from_bytes([9; 32])).seal("", [0; 32], &7, now).unwrap();
        for bad in ["", "x", "AAAA", "한글", &token[1..], &format!("{token}A"), &foreign] {
            assert_eq!(tokens.open::<i32>("", [0; 32], bad, now), Err(PageTokenError::Foreign), "{bad}");
        }
    }
}
