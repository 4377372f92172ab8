//! Who comes in: passwords, sessions, access tokens.
//!
//! A login proves who one is, opens a session and signs a token that names it; what is checked, kept and signed has a
//! file each, so that further factors, refreshing and revoking find their place.

mod credentials;
mod login;
mod password;
mod register;
mod sessions;
mod signing_keys;
mod tokens;

pub use login::{LoggedIn, LoginError};
pub use password::{Busy, Hasher, Password, PasswordFault};
pub use register::{NewPerson, RegisterError};
pub use signing_keys::{SigningKeys, SigningKeysError};

pub(crate) use tokens::AUDIENCE;

use std::sync::Arc;

use crate::commands::Commands;

/// Everything that coming in needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: Commands,
    hasher: Hasher,
    keys: SigningKeys,
    issuer: String,
}

impl Auth {
    /// `issuer` is PUBLIC_URL.
    pub fn new(commands: Commands, keys: SigningKeys, issuer: &str) -> Self {
        let inner = Inner { commands, hasher: Hasher::default(), keys, issuer: issuer.to_owned() };
        Self(Arc::new(inner))
    }

    /// The public keys as a JWKS document.
    pub fn jwks(&self) -> &str {
        self.0.keys.jwks()
    }
}
