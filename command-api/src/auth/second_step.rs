//! The second step of a login, and proving anew who one is.

use domain::{ids::UserId, user::User};
use service::request::ClientInfo;
use uuid::Uuid;

use super::{
    Auth,
    admission::{Admission, AdmissionError},
    credentials, half_logins,
    password::{Busy, Password, Verdict},
    second_factor::{Proof, SecondFactorError},
    sessions,
    tokens::Subject,
    totp::Code,
    tries::{self, Try},
};
use crate::commands::{Caller, Refusal, Who};

/// `amr` of password and second factor.
const METHODS: [&str; 2] = ["pwd", "otp"];

/// Why nobody comes in, or nobody is believed anew.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// The login or session that is to go on is over.
    #[error("the login or the session is over")]
    Over,
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The second factor is wrong, or cannot be judged.
    #[error(transparent)]
    Factor(#[from] SecondFactorError),
    /// No access token.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

impl From<sqlx::Error> for SecondStepError {
    fn from(error: sqlx::Error) -> Self {
        Self::Factor(error.into())
    }
}

impl From<Refusal> for SecondStepError {
    fn from(refusal: Refusal) -> Self {
        Self::Factor(refusal.into())
    }
}

/// An access token that says that its bearer was asked just now.
#[derive(Debug)]
pub struct Reauthenticated {
    /// The token.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// `amr`: how they have proved it.
    pub methods: Vec<String>,
}

impl Auth {
    /// Finishes a login whose first step was taken.
    pub async fn finish_login(
        &self,
        mfa_token: &str,
        proof: &Proof,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<Admission, SecondStepError> {
        let (commands, pool) = (&self.0.commands, self.0.commands.log().pool());
        let login = half_logins::find(pool, mfa_token).await?.ok_or(SecondStepError::Over)?;
        let user = login.user();
        let state = commands.load_user(user).await?;
        if !state.is_active() || state.session_epoch != login.epoch {
            return Err(SecondStepError::Over);
        }
        self.count_try(user).await?;
        let used_up = self.check_proof(&state, proof).await?;
        if !half_logins::finish(pool, &login).await? {
            return Err(SecondStepError::Over);
        }
        let caller = caller.of(commands.seal_client(user, client).await?);
        self.use_up(user, used_up, &Caller { who: Who::User(user), ..caller }).await?;
        tries::clear(pool, user).await?;
        let methods: Vec<&str> = login.methods.iter().map(String::as_str).chain(["otp"]).collect();
        Ok(self.open_session(user, &state, client, &methods).await?)
    }

    /// Checks password and second factor of somebody who is in; the session and its tokens say so from now on.
    pub async fn reauthenticate(
        &self,
        user: UserId,
        session: Uuid,
        password: Password,
        code: Option<Code>,
    ) -> Result<Reauthenticated, SecondStepError> {
        let (commands, pool) = (&self.0.commands, self.0.commands.log().pool());
        let state = commands.load_user(user).await?;
        self.count_try(user).await?;
        self.check_password(user, &state, password).await?;
        let methods: &[&str] = match (&state.totp, code) {
            (None, _) => &METHODS[..1],
            (Some(_), None) => return Err(SecondFactorError::Wrong.into()),
            (Some(_), Some(code)) => {
                self.check_proof(&state, &Proof::Code(code)).await?;
                &METHODS
            }
        };
        tries::clear(pool, user).await?;
        let methods: Vec<String> = methods.iter().map(|method| (*method).to_owned()).collect();
        let session = sessions::prove_anew(pool, session, user, state.session_epoch, &methods).await?;
        let session = session.filter(|_| state.is_active()).ok_or(SecondStepError::Over)?;
        let subject = Subject {
            user,
            session: session.id,
            auth_time: session.auth_time,
            methods: &session.methods,
            roles: state.effective_roles(),
            epoch: state.epoch,
        };
        let (access_token, expires_in) = self.sign(&subject)?;
        Ok(Reauthenticated { access_token, expires_in, methods: session.methods })
    }

    pub(super) async fn count_try(&self, user: UserId) -> Result<(), SecondFactorError> {
        match tries::take(self.0.commands.log().pool(), user).await? {
            Try::Counted => Ok(()),
            Try::Blocked(retry_after) => Err(SecondFactorError::Blocked { retry_after }),
        }
    }

    async fn check_password(
        &self,
        user: UserId,
        state: &User,
        password: Password,
    ) -> Result<(), SecondStepError> {
        let pool = self.0.commands.log().pool();
        let known = credentials::find(pool, user, state).await?;
        match self.0.hasher.verify(self.0.hasher.place()?, password, known).await? {
            Verdict::Wrong => Err(SecondStepError::WrongPassword),
            Verdict::Right(None) => Ok(()),
            Verdict::Right(Some(rehashed)) => Ok(credentials::rehash(pool, user, state, &rehashed).await?),
        }
    }
}
