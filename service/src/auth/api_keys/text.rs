//! What a key looks like.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// So that people and scanners know one when they see it.
pub(super) const PREFIX: &str = "tlk_";
const SECRET: usize = 32;
/// The beginning of the secret's SHA-256: what was mistyped is not looked up, and scanners can tell a key from noise.
const CHECKSUM: usize = 4;
/// How many of the last characters are shown.
const SHOWN: usize = 8;

/// A key that was just made. Never printed.
pub struct NewApiKey {
    /// The key, for its user and nobody else.
    pub text: String,
    /// What the database knows of it.
    pub hash: Vec<u8>,
    /// What people know it by.
    pub last_characters: String,
}

impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewApiKey")
    }
}

impl NewApiKey {
    /// 256 random bits.
    pub fn generate() -> Self {
        let secret: [u8; SECRET] = rand::random();
        let text =
            format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([secret.as_slice(), &checksum(&secret)].concat()));
        let last_characters = text[text.len() - SHOWN..].to_owned();
        Self { hash: hash(&text).to_vec(), text, last_characters }
    }
}

fn checksum(secret: &[u8]) -> [u8; CHECKSUM] {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(secret).into();
    [a, b, c, d]
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The hash of a key; none if the text cannot be one.
pub(super) fn recognise(text: &str) -> Option<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (secret, sum) = bytes.split_at_checked(SECRET)?;
    (sum == checksum(secret)).then(|| hash(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_form() {
        let key = NewApiKey::generate();
        assert_eq!(recognise(&key.text).unwrap().to_vec(), key.hash);
        assert!(key.text.starts_with("tlk_"));
        assert_eq!((key.text.len(), key.last_characters.len()), (4 + 48, 8));
        assert!(key.text.ends_with(&key.last_characters));
        assert_ne!(NewApiKey::generate().text, key.text);
        for index in 0..key.text.len() {
            let mut other = key.text.clone().into_bytes();
            other[index] = if other[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(recognise(&String::from_utf8(other).unwrap()), None, "{index}");
            assert_eq!(recognise(&key.text[..index]), None, "{index}");
        }
        assert_eq!(recognise(&format!("{}AAAA", key.text)), None);
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", NewApiKey::generate()), "NewApiKey");
    }
}
