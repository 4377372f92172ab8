//! What an endpoint's messages are signed with.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SYMMETRIC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// One secret: of both sides (`whsec_…`, scheme v1), or ours alone (`whsk_…`, scheme v1a).
#[derive(Clone)]
pub struct WebhookSecret(Kind);

#[derive(Clone)]
enum Kind {
    /// 24 to 64 bytes.
    Symmetric(Vec<u8>),
    Asymmetric(SigningKey),
}

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected whsec_ and 24 to 64 bytes, or whsk_ and an ed25519 key pair, in base64")]
pub struct InvalidSecret;

impl WebhookSecret {
    /// A new secret of both sides.
    pub fn generate() -> Self {
        Self(Kind::Symmetric(rand::random::<[u8; 32]>().to_vec()))
    }

    /// A new secret that receivers need not know.
    pub fn generate_key() -> Self {
        Self(Kind::Asymmetric(SigningKey::from_bytes(&rand::random())))
    }

    /// The secret itself, for its owner and for the database.
    pub fn expose(&self) -> String {
        match &self.0 {
            Kind::Symmetric(bytes) => format!("{SYMMETRIC}{}", STANDARD.encode(bytes)),
            Kind::Asymmetric(key) => format!("{PRIVATE}{}", STANDARD.encode(key.to_keypair_bytes())),
        }
    }

    /// What receivers verify with: `whpk_…`, or the secret of both sides.
    pub fn verifier(&self) -> String {
        match &self.0 {
            Kind::Symmetric(_) => self.expose(),
            Kind::Asymmetric(key) => format!("{PUBLIC}{}", STANDARD.encode(key.verifying_key().as_bytes())),
        }
    }

    /// One signature with its scheme: `v1,…` or `v1a,…`.
    pub(super) fn sign(&self, content: &[u8]) -> String {
        match &self.0 {
            Kind::Symmetric(bytes) => format!("v1,{}", STANDARD.encode(hmac(bytes, content))),
            Kind::Asymmetric(key) => format!("v1a,{}", STANDARD.encode(key.sign(content).to_bytes())),
        }
    }
}

fn hmac(key: &[u8], content: &[u8]) -> [u8; 32] {
    // A block of SHA-256 is as long as the longest secret; shorter ones are padded with zeros, as HMAC has it.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(content);
    mac.finalize().into_bytes().into()
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let decoded = |rest: &str| STANDARD.decode(rest).map_err(|_| InvalidSecret);
        if let Some(rest) = text.strip_prefix(SYMMETRIC) {
            let bytes = decoded(rest)?;
            return if (24..=64).contains(&bytes.len()) {
                Ok(Self(Kind::Symmetric(bytes)))
            } else {
                Err(InvalidSecret)
            };
        }
        let pair = decoded(text.strip_prefix(PRIVATE).ok_or(InvalidSecret)?)?;
        let pair = pair.try_into().map_err(|_| InvalidSecret)?;
        let key = SigningKey::from_keypair_bytes(&pair).map_err(|_| InvalidSecret)?;
        Ok(Self(Kind::Asymmetric(key)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_as_they_are_written() {
        for secret in [WebhookSecret::generate(), WebhookSecret::generate_key()] {
            let read: WebhookSecret = secret.expose().parse().unwrap();
            assert_eq!((read.expose(), read.sign(b"x")), (secret.expose(), secret.sign(b"x")));
            assert_eq!(format!("{secret:?}"), "WebhookSecret");
        }
        let key = WebhookSecret::generate_key();
        assert!(key.verifier().starts_with("whpk_"));
        assert!(!key.expose().contains(&key.verifier()["whpk_".len()..]));
    }

    /// The key pair that the Standard Webhooks specification and Svix show.
    #[test]
    fn a_published_key_pair_is_read() {
        let pair =
            "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        let key: WebhookSecret = pair.parse().unwrap();
        assert_eq!(key.verifier(), "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let of = |prefix: &str, bytes: usize| format!("{prefix}{}", STANDARD.encode(vec![7; bytes]));
        for good in [of("whsec_", 24), of("whsec_", 64)] {
            assert!(good.parse::<WebhookSecret>().is_ok(), "{good}");
        }
        for bad in [
            "".into(),
            "whsec_".into(),
            of("", 32),
            of("whsec_", 23),
            of("whsec_", 65),
            of("whsk_", 64),
            of("whsk_", 32),
            of("whpk_", 32),
        ] {
            assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
        }
    }
}
