//! Refresh tokens: what they look like, how they are recognised, how the next one is kept for those who ask again.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use service::secrets::SecretKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::wrapping::Wrapping;

/// So that people and scanners know one when they see it.
const PREFIX: &str = "tlr_";
const SECRET: usize = 32;
const TAG: usize = 16;

/// A token that this installation has made. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RefreshToken {
    /// The session whose family it belongs to.
    pub(super) session: Uuid,
    secret: [u8; SECRET],
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// A new token of this session.
    pub(super) fn generate(session: Uuid) -> Self {
        Self { session, secret: rand::random() }
    }

    /// What the database knows of it.
    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.secret).to_vec()
    }

    /// `next` so that only who holds this token can read it.
    pub(super) fn seal(&self, next: &Self) -> Vec<u8> {
        self.wrapping().seal(self.session.as_bytes(), &next.secret)
    }

    /// The token that [`seal`](Self::seal) hid; none if it was hidden with another one.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Self> {
        let secret = self.wrapping().open(self.session.as_bytes(), sealed)?;
        Some(Self { session: self.session, secret: secret.try_into().ok()? })
    }

    /// The hash in the database says nothing about this key.
    fn wrapping(&self) -> Wrapping {
        Wrapping::new(SecretKey::from_bytes(self.secret).derive("next refresh token"))
    }
}

/// Writes and reads tokens. They bear a mark of this installation: what bears it was handed out once, so one that is no
/// longer good is an old one, and no list of old ones is needed.
pub(super) struct RefreshTokens([u8; 32]);

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshTokens")
    }
}

impl RefreshTokens {
    pub(super) fn new(secret: &SecretKey) -> Self {
        Self(secret.derive("refresh tokens"))
    }

    /// The token as clients get it.
    pub(super) fn write(&self, token: &RefreshToken) -> String {
        let tag = self.mark(&token.session, &token.secret).finalize().into_bytes();
        let bytes = [token.session.as_bytes().as_slice(), &token.secret, &tag[..TAG]].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The token that a client presents; none if it was never handed out.
    pub(super) fn read(&self, text: &str) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (secret, tag) = rest.split_first_chunk::<SECRET>()?;
        let session = Uuid::from_bytes(*session);
        let tag: [u8; TAG] = tag.try_into().ok()?;
        self.mark(&session, secret).verify_truncated_left(&tag).ok()?;
        Some(RefreshToken { session, secret: *secret })
    }

    fn mark(&self, session: &Uuid, secret: &[u8; SECRET]) -> Hmac<Sha256> {
        let mut block = [0; 64]; // HMAC pads short keys with zeros
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(session.as_bytes());
        mac.update(secret);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_handed_out_is_read() {
        let tokens = RefreshTokens::new(&SecretKey::generate());
        let token = RefreshToken::generate(Uuid::now_v7());
        let text = tokens.write(&token);
        assert_eq!(tokens.read(&text), Some(token));
        assert_eq!(RefreshTokens::new(&SecretKey::generate()).read(&text), None);
        for index in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.read(&String::from_utf8(other).unwrap()), None, "{index}");
            assert_eq!(tokens.read(&text[..index]), None);
        }
        assert_eq!(tokens.read(&format!("{text}AAAA")), None);
    }

    #[test]
    fn the_next_one_opens_with_its_forerunner_only() {
        let session = Uuid::now_v7();
        let (token, next) = (RefreshToken::generate(session), RefreshToken::generate(session));
        let sealed = token.seal(&next);
        assert_eq!(token.open(&sealed), Some(next.clone()));
        assert_eq!(next.open(&sealed), None);
        assert_eq!(token.open(&sealed[1..]), None);
        assert_ne!(token.seal(&next), sealed);
    }

    #[test]
    fn nothing_is_printed() {
        let token = RefreshToken { session: Uuid::nil(), secret: [170; SECRET] };
        assert!(!format!("{token:?}").contains("170"));
    }
}
