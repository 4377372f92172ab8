//! The keys that seals of the log are signed with and believed by, as settings.

use std::{fmt, path::PathBuf, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use ed25519_dalek::VerifyingKey;

use super::ConfigError;
use crate::secrets::{SecretKey, SecretKeyError};

/// Which keys vouch for the log.
#[derive(Args, Clone, Debug, Default)]
pub struct SealKeyArgs {
    /// File with 64 hexadecimal digits that the key which signs seals is made from; by default that is the secret key.
    #[arg(long, env = "SEAL_KEY_FILE", value_name = "FILE")]
    pub seal_key_file: Option<PathBuf>,
    /// Public keys that have signed seals before, each the `x` of /.well-known/seal-keys.json, separated by commas.
    #[arg(long, env = "SEAL_PUBLIC_KEYS", value_name = "KEYS", value_delimiter = ',')]
    pub seal_public_keys: Vec<SealPublicKey>,
}

impl SealKeyArgs {
    /// What the signing key is made from under this label: the file of its own, or else the installation's secret.
    pub fn seed(
        &self,
        label: &str,
        secret: impl FnOnce() -> Result<SecretKey, ConfigError>,
    ) -> Result<[u8; 32], ConfigError> {
        let invalid = |error: SecretKeyError| ConfigError::Invalid(error.to_string());
        let key = match &self.seal_key_file {
            Some(path) => SecretKey::read(path).map_err(invalid)?,
            None => secret()?,
        };
        Ok(key.derive(label))
    }
}

/// An Ed25519 public key, as text in base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPublicKey(pub [u8; 32]);

impl FromStr for SealPublicKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an Ed25519 public key, 43 characters of base64url";
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| EXPECTED)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| EXPECTED)?;
        VerifyingKey::from_bytes(&bytes).map(|_| Self(bytes)).map_err(|_| EXPECTED)
    }
}

impl fmt::Display for SealPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_are_points() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        assert_eq!(x.parse::<SealPublicKey>().unwrap().to_string(), x);
        for bad in ["", "x", &x[1..], &format!("{x}="), "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(bad.parse::<SealPublicKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_file_of_its_own_the_key_hangs_on_the_secret() {
        let secret = || Ok(SecretKey::from_bytes([7; 32]));
        let seed = SealKeyArgs::default().seed("seals", secret).unwrap();
        assert_eq!(seed, SecretKey::from_bytes([7; 32]).derive("seals"));
        let nowhere = SealKeyArgs { seal_key_file: Some("/nowhere".into()), ..SealKeyArgs::default() };
        assert!(nowhere.seed("seals", secret).unwrap_err().to_string().contains("/nowhere"));
    }
}
