//! Secrets as the database and cookies keep them: encrypted, and bound to what they belong to.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

const NONCE: usize = 24;

/// Encrypts and decrypts under one key. Never printed.
pub(crate) struct Wrapping(XChaCha20Poly1305);

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapping")
    }
}

impl Wrapping {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// The secret so that only who has the key reads it, for this owner only.
    pub(crate) fn seal(&self, owner: &[u8], secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: secret, aad: owner };
        #[expect(clippy::expect_used, reason = "fails only for texts of 256 GiB")]
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).expect("a secret is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// What [`seal`](Self::seal) hid; none if under another key or for another owner.
    pub(crate) fn open(&self, owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: owner }).ok()
    }
}
