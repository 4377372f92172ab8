//! Who comes in, and who stays in: passwords, sessions, access and refresh tokens.
//!
//! A login proves who one is and opens a session; a refresh keeps it alive; both end in an [`Admission`]. What is
//! checked, kept and signed has a file each, so that further factors and revoking find their place.

mod admission;
mod credentials;
mod login;
mod password;
mod refresh;
mod refresh_token;
mod register;
mod sessions;
mod signing_keys;
mod tokens;

pub use admission::{Admission, AdmissionError};
pub use login::LoginError;
pub use password::{Busy, Hasher, Password, PasswordFault};
pub use refresh::RefreshError;
pub use register::{NewPerson, RegisterError};
pub use sessions::{SessionView, SessionsError, Which};
pub use signing_keys::{KeyState, KeyView, SigningKeys, SigningKeysError};

pub(crate) use sessions::forget_old;
pub(crate) use tokens::AUDIENCE;

use std::sync::Arc;

use service::secrets::SecretKey;

use crate::commands::Commands;
use refresh_token::RefreshTokens;

/// Everything that coming in needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: Commands,
    hasher: Hasher,
    keys: SigningKeys,
    refresh_tokens: RefreshTokens,
    issuer: String,
}

impl Auth {
    /// `secret` is that of the installation, `issuer` is PUBLIC_URL.
    pub fn new(commands: Commands, keys: SigningKeys, secret: &SecretKey, issuer: &str) -> Self {
        let (refresh_tokens, issuer) = (RefreshTokens::new(secret), issuer.to_owned());
        let inner = Inner { commands, hasher: Hasher::default(), keys, refresh_tokens, issuer };
        Self(Arc::new(inner))
    }

    /// The public keys as a JWKS document.
    pub fn jwks(&self) -> String {
        self.0.keys.jwks()
    }

    /// The keys that sign access tokens.
    pub fn keys(&self) -> &SigningKeys {
        &self.0.keys
    }
}
