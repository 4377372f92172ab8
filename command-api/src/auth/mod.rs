//! Who comes in, and who stays in: passwords, outside identities, sessions, access and refresh tokens.
//!
//! A login proves who one is, in one step or two, and opens a session; a refresh keeps it alive; both end in an
//! [`Admission`]. What is checked, kept and signed has a file each.

mod admission;
mod api_keys;
mod credentials;
mod erasure;
mod half_logins;
mod lockout;
mod login;
mod login_codes;
mod outside;
mod password;
mod recovery;
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
pub(crate) use api_keys::holder;
pub use api_keys::{ApiKeyView, ApiKeysError, WantedKey};
pub use credentials::PasswordError;
pub use lockout::Address;
pub use login::{Entry, LoginError};
pub use outside::{IdentityView, OutsideError, Person, Recognised};
pub use password::{Busy, Hasher, Password, PasswordFault};
pub use recovery_codes::RecoveryCode;
pub use refresh::RefreshError;
pub use register::NewPerson;
pub use second_factor::{Enrolment, Prepared, Proof, SecondFactorError};
pub use second_step::{Reauthenticated, SecondStepError};
pub use sessions::{SessionView, SessionsError, Which};
pub use signing_keys::{KeyState, KeyView, SigningKeys, SigningKeysError};
pub use totp::Code;

pub(crate) use half_logins::forget_half_logins;
pub(crate) use lockout::forget_old_tries;
pub(crate) use login_codes::forget_login_codes;
pub(crate) use sessions::forget_old;
pub(crate) use tokens::AUDIENCE;
pub(crate) use wrapping::Wrapping;

use std::{sync::Arc, time::Duration};

use service::{
    mail_token::MailTokens,
    secrets::{Secret, SecretKey},
    shutdown::Shutdown,
};

use crate::{commands::Commands, locks::Locks};
use recovery_codes::RecoveryCodeHashes;
use refresh_token::RefreshTokens;
use totp::TotpSecrets;

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
    totp_secrets: TotpSecrets,
    recovery_code_hashes: RecoveryCodeHashes,
    issuer: String,
    /// By address: passwords are tried one after the other, so that right ones at the same time do not lock each other out.
    tries: Locks<String>,
    /// Waits for what is put on record after the answer.
    shutdown: Shutdown,
}

/// How long a login waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(5);

impl Auth {
    /// `secret` is that of the installation, `issuer` is PUBLIC_URL.
    pub fn new(
        commands: Commands,
        keys: SigningKeys,
        secret: &SecretKey,
        issuer: &str,
        shutdown: Shutdown,
    ) -> Self {
        Self(Arc::new(Inner {
            commands,
            hasher: Hasher::default(),
            keys,
            refresh_tokens: RefreshTokens::new(secret),
            mail_tokens: MailTokens::new(secret),
            totp_secrets: TotpSecrets(Wrapping::new(secret.derive("totp secrets"))),
            recovery_code_hashes: RecoveryCodeHashes(Secret::new(secret.derive("recovery codes"))),
            issuer: issuer.to_owned(),
            tries: Locks::new(TURN_PATIENCE),
            shutdown,
        }))
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
