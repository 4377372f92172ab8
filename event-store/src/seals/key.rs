use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::Digest;

/// The private key that signs seals. Comes from the configuration, never from the database.
#[derive(Clone)]
pub struct SealKey {
    key: SigningKey,
    public: PublicKey,
}

impl SealKey {
    /// What the installation's secret is told to derive it, where it has no file of its own.
    pub const LABEL: &str = "log seals";

    /// The key of this seed.
    pub fn new(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        let public = PublicKey::of(key.verifying_key());
        Self { key, public }
    }

    /// The half that everybody may know.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    #[cfg_attr(not(feature = "append"), expect(dead_code, reason = "readers sign nothing"))]
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.public.id)
    }
}

/// A key that seals are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

impl PublicKey {
    fn of(key: VerifyingKey) -> Self {
        // RFC 7638: the thumbprint of the key as a JWK.
        let jwk =
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(key.as_bytes()));
        Self { key, id: URL_SAFE_NO_PAD.encode(Digest::of(&[jwk.as_bytes()]).0) }
    }

    /// The key of these 32 bytes; none if they are no key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(Self::of)
    }

    /// Its name in seals: the thumbprint of its JWK.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its 32 bytes in base64url, as `x` of a JWK.
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.as_bytes())
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The keys whose seals are believed: today's, and those that have signed before.
#[derive(Clone, Debug)]
pub struct KeyRing(Vec<PublicKey>);

impl KeyRing {
    /// Today's key and others.
    pub fn new(own: &PublicKey, others: impl IntoIterator<Item = PublicKey>) -> Self {
        Self::of([own.clone()].into_iter().chain(others))
    }

    /// These keys, each once.
    pub fn of(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let mut ring = Vec::new();
        for key in keys {
            if !ring.contains(&key) {
                ring.push(key);
            }
        }
        Self(ring)
    }

    /// All of them, today's first.
    pub fn keys(&self) -> &[PublicKey] {
        &self.0
    }

    pub(super) fn find(&self, id: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_thumbprints() {
        // The example of RFC 8037, appendix A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::from_bytes(&x.try_into().unwrap()).unwrap();
        assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn nothing_private_is_printed() {
        let key = SealKey::new([7; 32]);
        assert_eq!(format!("{key:?}"), format!("SealKey({})", key.public().id()));
    }
}
