//! The second factor of a user: enrolling, confirming, giving up, and proving that one has it.

use domain::{
    ids::UserId,
    user::{TotpEnabled, User, UserCommand, UserError},
};
use uuid::Uuid;

use super::{
    Auth, credentials,
    recovery_codes::{self, RecoveryCode},
    sessions,
    totp::{self, Code, TotpSecret},
};
use crate::commands::{Caller, Refusal, UserUnit};

/// Proof that somebody has the second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// What the authenticator shows.
    Code(Code),
    /// What was written down for the day it is lost.
    RecoveryCode(RecoveryCode),
}

/// What an authenticator must know. Shown once, never printed.
pub struct Enrolment {
    /// To be scanned.
    pub uri: String,
    /// To be typed in.
    pub secret: String,
}

/// A command that puts something in force, and what its user is to be shown once it is. Never printed.
pub struct Prepared {
    /// The command.
    pub command: UserCommand,
    /// Recovery codes.
    pub recovery_codes: Vec<String>,
}

/// Why a second factor is refused.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// Not a code of now, or used before.
    #[error("the code is wrong")]
    Wrong,
    /// Too many were wrong.
    #[error("too many codes were wrong")]
    Blocked {
        /// Seconds until one is judged again.
        retry_after: u64,
    },
    /// Nothing to confirm, or one is in force already, or none is.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("second factors cannot be read")]
    Database(#[from] sqlx::Error),
}

impl From<UserError> for SecondFactorError {
    fn from(error: UserError) -> Self {
        Self::Refused(error.into())
    }
}

impl Auth {
    /// Makes a secret for a user who has none in force. It is not asked for until it is confirmed.
    pub async fn enrol(&self, user: UserId) -> Result<Enrolment, SecondFactorError> {
        let commands = &self.0.commands;
        let state = commands.load_user(user).await?;
        if state.totp.is_some() {
            return Err(UserError::SecondFactor.into());
        }
        let email = match &state.email {
            Some(email) => commands.unseal(email).await?,
            None => None,
        };
        let secret = TotpSecret::generate();
        let account = email.unwrap_or_else(|| user.to_string());
        let (uri, shown) = secret.shown(&account).ok_or(UserError::SecondFactor)?;
        self.0.totp_secrets.keep(commands.log().pool(), user, &secret).await?;
        Ok(Enrolment { uri, secret: shown })
    }

    /// Checks a code of the secret enrolled last.
    pub async fn confirm(&self, user: UserId, code: &Code) -> Result<Prepared, SecondFactorError> {
        let pool = self.0.commands.log().pool();
        if self.0.commands.load_user(user).await?.totp.is_some() {
            return Err(UserError::SecondFactor.into());
        }
        let secret = self.0.totp_secrets.unconfirmed(pool, user).await?.ok_or(UserError::SecondFactor)?;
        if !self.0.totp_secrets.accept(pool, secret, code).await? {
            return Err(SecondFactorError::Wrong);
        }
        let (id, codes) = self.0.recovery_code_hashes.make(pool, user).await?;
        let command = UserCommand::EnableTotp(TotpEnabled { secret, recovery_codes: id });
        Ok(Prepared { command, recovery_codes: codes })
    }

    /// Lets the password alone do again, if it may.
    pub async fn give_up(&self, user: UserId) -> Result<Prepared, SecondFactorError> {
        let state = self.0.commands.load_user(user).await?;
        let pool = self.0.commands.log().pool();
        if state.totp.is_some() && credentials::needs_factor(pool, user, &state).await? {
            return Err(UserError::PasswordNeedsFactor.into());
        }
        let command = UserCommand::DisableTotp { password: state.credential };
        Ok(Prepared { command, recovery_codes: Vec::new() })
    }

    /// Makes other recovery codes.
    pub async fn renew_recovery_codes(&self, user: UserId) -> Result<Prepared, SecondFactorError> {
        self.0.commands.load_user(user).await?.totp.ok_or(UserError::SecondFactor)?;
        let pool = self.0.commands.log().pool();
        let (recovery_codes, codes) = self.0.recovery_code_hashes.make(pool, user).await?;
        Ok(Prepared { command: UserCommand::RenewRecoveryCodes { recovery_codes }, recovery_codes: codes })
    }

    /// Puts the tables in order after an event; `epoch` is the session epoch that it has begun, 0 if none, and the session
    /// goes on in it. That it happened cannot be taken back, so what fails here is only told: the
    /// session has ended like the others, or a row that no event names stays.
    pub async fn settle(&self, user: UserId, before: &User, session: Option<Uuid>, epoch: i64) {
        let spared = match session.filter(|_| epoch > 0) {
            Some(session) => sessions::carry_over(self.0.commands.log().pool(), session, epoch).await,
            None => Ok(()),
        };
        if let Err(error) = spared {
            tracing::warn!(%error, "a session has ended with the others");
        }
        if let Err(error) = self.forget_secrets(user, before).await {
            tracing::warn!(%error, "secrets that are not in force cannot be dropped");
        }
    }

    /// Forgets the secrets of `before` that are not in force any more.
    async fn forget_secrets(&self, user: UserId, before: &User) -> Result<(), SecondFactorError> {
        let Some(old) = before.totp else { return Ok(()) };
        let pool = self.0.commands.log().pool();
        let now = self.0.commands.load_user(user).await?.totp;
        if now.is_none_or(|totp| totp.secret != old.secret) {
            totp::forget(pool, user, old.secret).await?;
        }
        if now.is_none_or(|totp| totp.recovery_codes.id != old.recovery_codes.id) {
            recovery_codes::forget(pool, user, old.recovery_codes.id).await?;
        }
        Ok(())
    }

    /// Checks a proof; of all who present the same one is right. A recovery code is used up by the command that comes back.
    pub(super) async fn check_proof(
        &self,
        state: &User,
        proof: &Proof,
    ) -> Result<Option<UserCommand>, SecondFactorError> {
        let totp = state.totp.ok_or(SecondFactorError::Wrong)?;
        let pool = self.0.commands.log().pool();
        match proof {
            Proof::Code(code) => {
                let right = self.0.totp_secrets.accept(pool, totp.secret, code).await?;
                if right { Ok(None) } else { Err(SecondFactorError::Wrong) }
            }
            Proof::RecoveryCode(code) => {
                let codes = totp.recovery_codes;
                let number = self.0.recovery_code_hashes.number(pool, codes.id, code).await?;
                let number = number.filter(|number| codes.has(*number)).ok_or(SecondFactorError::Wrong)?;
                Ok(Some(UserCommand::UseRecoveryCode { recovery_codes: codes.id, number }))
            }
        }
    }

    /// Uses up what a proof demands.
    pub(super) async fn use_up(
        &self,
        user: UserId,
        command: Option<UserCommand>,
        caller: &Caller,
    ) -> Result<(), SecondFactorError> {
        let Some(command) = command else { return Ok(()) };
        match self.0.commands.user(caller, &UserUnit::new(user, command)).await {
            Ok(_) => Ok(()),
            Err(Refusal::User(UserError::RecoveryCodeWorthless | UserError::SecondFactor)) => {
                Err(SecondFactorError::Wrong)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}
