//! Logging in with e-mail and password.

use chrono::Utc;
use domain::{
    ids::UserId,
    user::{
        User,
        values::{Email, UserState},
    },
};
use service::request::ClientInfo;
use uuid::Uuid;

use super::{
    Auth,
    admission::{Admission, AdmissionError},
    credentials, half_logins,
    password::{Busy, Password, Verdict},
    refresh_token::RefreshToken,
    sessions::{self, NewSession},
};
use crate::commands::Refusal;

/// `amr` of a login by password.
const METHODS: [&str; 1] = ["pwd"];

/// How somebody is let in whose password is right.
#[derive(Debug)]
pub enum Entry {
    /// Now.
    In(Box<Admission>),
    /// After a second step, which needs this token (`mfa_token`).
    HalfWay(String),
}

/// Why nobody comes in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown address or wrong password: nobody is told which.
    #[error("e-mail or password is wrong")]
    Invalid,
    /// The right password, and the address is not verified.
    #[error("the account is not verified")]
    NotVerified,
    /// The right password, and the account is locked out.
    #[error("the account is deactivated")]
    Deactivated,
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The log or the sealer did not answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("credentials or sessions cannot be read")]
    Database(#[from] sqlx::Error),
    /// No access token.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

impl Auth {
    /// Checks the password; opens a session unless a second factor is asked for. The same work is done whether or not the address is known.
    pub async fn log_in(
        &self,
        email: Option<Email>,
        password: Password,
        client: &ClientInfo,
    ) -> Result<Entry, LoginError> {
        let commands = &self.0.commands;
        let user = match &email {
            Some(email) => commands.find_email(email).await?,
            None => None,
        };
        let pool = commands.log().pool();
        let known = credentials::find(pool, user.unwrap_or(UserId(Uuid::nil()))).await?;
        let Verdict::Right(rehashed) = self.0.hasher.verify(password, known).await? else {
            return Err(LoginError::Invalid);
        };
        let user = user.ok_or(LoginError::Invalid)?;
        let state = commands.load_user(user).await?;
        match state.state() {
            UserState::Unverified => return Err(LoginError::NotVerified),
            UserState::Deactivated => return Err(LoginError::Deactivated),
            UserState::Active => {}
        }
        if let Some(hash) = rehashed {
            credentials::set(pool, user, &hash).await?;
        }
        if state.totp.is_some() {
            return Ok(Entry::HalfWay(half_logins::begin(pool, user, state.session_epoch).await?));
        }
        let admission = self.open_session(user, &state, client, &METHODS).await?;
        Ok(Entry::In(Box::new(admission)))
    }

    /// Opens a session of somebody who has proved who they are by these methods.
    pub(super) async fn open_session(
        &self,
        user: UserId,
        state: &User,
        client: &ClientInfo,
        methods: &[&str],
    ) -> Result<Admission, AdmissionError> {
        let commands = &self.0.commands;
        let client = commands.seal_client(user, client).await?;
        let id = Uuid::now_v7();
        let methods: Vec<String> = methods.iter().map(|method| (*method).to_owned()).collect();
        let token = RefreshToken::generate(id);
        let new = NewSession {
            id,
            user,
            auth_time: Utc::now(),
            methods: &methods,
            client: &client,
            epoch: state.session_epoch,
            token_hash: &token.hash(),
        };
        let session = sessions::open(commands.log().pool(), &new).await?;
        self.admit(&session, state, &token).await
    }
}
