//! Secrets that sign the calls of webhooks: computed from what names them and a key of the installation, so that nobody keeps
//! them.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::SigningKey;
use hmac::Mac;
use uuid::Uuid;

use crate::secrets::{Secret, SecretKey, hmac_of};

/// As Standard Webhooks has them.
const SYMMETRIC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// Makes the secrets of one installation: those that both sides know, and keys of which receivers have the public half.
#[derive(Clone)]
pub struct WebhookSecrets {
    secrets: Secret<[u8; 32]>,
    keys: Secret<[u8; 32]>,
}

impl std::fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecrets")
    }
}

impl WebhookSecrets {
    /// Secrets under a key of their own.
    pub fn new(secret: &SecretKey) -> Self {
        let derived = |label| Secret::new(secret.derive(label));
        Self { secrets: derived("webhook secrets"), keys: derived("webhook keys") }
    }

    /// The secret of this name, as its owner gets it: `whsec_…`.
    pub fn text(&self, name: Uuid) -> String {
        format!("{SYMMETRIC}{}", STANDARD.encode(derived(&self.secrets, name)))
    }

    /// The key of this name: `whsk_…`.
    pub fn key(&self, name: Uuid) -> String {
        format!("{PRIVATE}{}", STANDARD.encode(self.signing_key(name).to_keypair_bytes()))
    }

    /// Its public half, as its owner gets it: `whpk_…`.
    pub fn public_key(&self, name: Uuid) -> String {
        format!("{PUBLIC}{}", STANDARD.encode(self.signing_key(name).verifying_key().as_bytes()))
    }

    fn signing_key(&self, name: Uuid) -> SigningKey {
        SigningKey::from_bytes(&derived(&self.keys, name))
    }
}

fn derived(key: &Secret<[u8; 32]>, name: Uuid) -> [u8; 32] {
    hmac_of(key.expose()).chain_update(name.as_bytes()).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_names_and_the_installations() {
        let secrets = |byte| WebhookSecrets::new(&SecretKey::from_bytes([byte; 32]));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(secrets(1).text(one), secrets(1).text(one));
        assert_ne!(secrets(1).text(one), secrets(1).text(two));
        assert_ne!(secrets(1).text(one), secrets(2).text(one));
        let decoded = |text: String, prefix| STANDARD.decode(text.strip_prefix(prefix).unwrap()).unwrap();
        assert_eq!(decoded(secrets(1).text(one), "whsec_").len(), 32);
        let (pair, public) =
            (decoded(secrets(1).key(one), "whsk_"), decoded(secrets(1).public_key(one), "whpk_"));
        assert_eq!((pair.len(), &pair[32..]), (64, &*public));
        assert_ne!(secrets(1).public_key(one), secrets(1).public_key(two));
        assert_ne!(&pair[..32], decoded(secrets(1).text(one), "whsec_"));
    }
}
