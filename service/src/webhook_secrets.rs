//! Secrets that sign the calls of webhooks: computed from what names them and a key of the installation, so that nobody keeps
//! them.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Mac;
use uuid::Uuid;

use crate::secrets::{Secret, SecretKey, hmac_of};

/// As Standard Webhooks has it.
const PREFIX: &str = "whsec_";

/// Makes the secrets of one installation.
#[derive(Clone)]
pub struct WebhookSecrets(Secret<[u8; 32]>);

impl std::fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecrets")
    }
}

impl WebhookSecrets {
    /// Secrets under a key of their own.
    pub fn new(secret: &SecretKey) -> Self {
        Self(Secret::new(secret.derive("webhook secrets")))
    }

    /// What signs under this name.
    pub fn bytes(&self, name: Uuid) -> [u8; 32] {
        hmac_of(self.0.expose()).chain_update(name.as_bytes()).finalize().into_bytes().into()
    }

    /// The same as its owner gets it: `whsec_…`.
    pub fn text(&self, name: Uuid) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.bytes(name)))
    }
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
        let text = secrets(1).text(one);
        assert_eq!(STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap(), secrets(1).bytes(one));
    }
}
