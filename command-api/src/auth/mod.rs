//! Who comes in, and who stays in: passwords, sessions, access and refresh tokens.
//!
//! A login proves who one is and opens a session; a refresh keeps it alive; both end in an [`Admission`]. What is
//! checked, kept and signed has a file each, so that further factors and revoking find their place.

mod admission;
mod credentials;
mod login;
mod password;
mod recovery;
mod refresh;
mod refresh_token;
mod register;
mod sessions;
mod signing_keys;
mod tokens;

pub use admission::{Admission, AdmissionError};
pub use credentials::PasswordError;
pub use login::LoginError;
pub use password::{Busy, Hasher, Password, PasswordFault};
pub use refresh::RefreshError;
pub use register::NewPerson;
pub use sessions::{SessionView, SessionsError, Which};
pub use signing_keys::{SigningKeys, SigningKeysError};

pub(crate) use sessions::forget_old;
pub(crate) use tokens::AUDIENCE;

use std::sync::Arc;

use service::{mail_token::MailTokens, secrets::SecretKey};

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
    mail_tokens: MailTokens,
    issuer: String,
}

impl Auth {
    /// `secret` is that of the installation, `issuer` is PUBLIC_URL.
    pub fn new(commands: Commands, keys: SigningKeys, secret: &SecretKey, issuer: &str) -> Self {
        let (refresh_tokens, mail_tokens) = (RefreshTokens::new(secret), MailTokens::new(secret));
        let (hasher, issuer) = (Hasher::default(), issuer.to_owned());
        let inner = Inner { commands, hasher, keys, refresh_tokens, mail_tokens, issuer };
        Self(Arc::new(inner))
    }

    /// The public keys as a JWKS document.
    pub fn jwks(&self) -> &str {
        self.0.keys.jwks()
    }
}
