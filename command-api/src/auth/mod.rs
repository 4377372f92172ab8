//! Who comes in, and who stays in: passwords, sessions, access and refresh tokens.
//!
//! A login proves who one is, in one step or two, and opens a session; a refresh keeps it alive; both end in an
//! [`Admission`]. What is checked, kept and signed has a file each.

mod admission;
mod credentials;
mod half_logins;
mod login;
mod password;
mod recovery_codes;
mod refresh;
mod refresh_token;
mod register;
mod second_factor;
mod second_step;
mod sessions;
mod signing_keys;
mod tokens;
mod totp;
mod tries;
mod wrapping;

pub use admission::{Admission, AdmissionError};
pub use login::{Entry, LoginError};
pub use password::{Busy, Hasher, Password, PasswordFault};
pub use recovery_codes::RecoveryCode;
pub use refresh::RefreshError;
pub use register::{NewPerson, RegisterError};
pub use second_factor::{Enrolment, Prepared, Proof, SecondFactorError};
pub use second_step::{Reauthenticated, SecondStepError};
pub use sessions::{SessionView, SessionsError, Which};
pub use signing_keys::{SigningKeys, SigningKeysError};
pub use totp::Code;

pub(crate) use half_logins::forget_half_logins;
pub(crate) use sessions::forget_old;
pub(crate) use tokens::AUDIENCE;

use std::sync::Arc;

use service::secrets::{Secret, SecretKey};

use crate::commands::Commands;
use recovery_codes::RecoveryCodeHashes;
use refresh_token::RefreshTokens;
use totp::TotpSecrets;
use wrapping::Wrapping;

/// Everything that coming in needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    commands: Commands,
    hasher: Hasher,
    keys: SigningKeys,
    refresh_tokens: RefreshTokens,
    totp_secrets: TotpSecrets,
    recovery_code_hashes: RecoveryCodeHashes,
    issuer: String,
}

impl Auth {
    /// `secret` is that of the installation, `issuer` is PUBLIC_URL.
    pub fn new(commands: Commands, keys: SigningKeys, secret: &SecretKey, issuer: &str) -> Self {
        Self(Arc::new(Inner {
            commands,
            hasher: Hasher::default(),
            keys,
            refresh_tokens: RefreshTokens::new(secret),
            totp_secrets: TotpSecrets(Wrapping::new(secret.derive("totp secrets"))),
            recovery_code_hashes: RecoveryCodeHashes(Secret::new(secret.derive("recovery codes"))),
            issuer: issuer.to_owned(),
        }))
    }

    /// The public keys as a JWKS document.
    pub fn jwks(&self) -> &str {
        self.0.keys.jwks()
    }
}
