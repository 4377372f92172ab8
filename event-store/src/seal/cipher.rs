//! Deterministic authenticated encryption: XChaCha20-Poly1305 with a nonce made from the text.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};

use super::{derive, hmac};

const NONCE: usize = 24;

/// A 256-bit key. Equal texts under one key seal alike; anything else about them stays hidden.
#[derive(Clone)]
pub(super) struct Key {
    cipher: XChaCha20Poly1305,
    nonces: [u8; 32],
}

impl Key {
    pub(super) fn new(key: [u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&derive(&key, "encrypt").into());
        Self { cipher, nonces: derive(&key, "nonce") }
    }

    /// Nonce and ciphertext, bound to `context`.
    pub(super) fn seal(&self, context: &[u8], text: &[u8]) -> Vec<u8> {
        let nonce = self.nonce(text);
        let payload = Payload { msg: text, aad: context };
        #[expect(clippy::expect_used, reason = "fails only for texts of 256 GiB")]
        let ciphertext = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("text is short");
        [nonce.as_slice(), &ciphertext].concat()
    }

    pub(super) fn open_bytes(&self, context: &[u8], boxed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = boxed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: ciphertext, aad: context };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    pub(super) fn open(&self, context: &[u8], boxed: &[u8]) -> Option<String> {
        String::from_utf8(self.open_bytes(context, boxed)?).ok()
    }

    fn nonce(&self, text: &[u8]) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&hmac(&self.nonces, text)[..NONCE]);
        nonce
    }
}
