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
    credentials,
    password::{Busy, Password, Verdict},
    refresh_token::RefreshToken,
    sessions::{self, NewSession},
};
use crate::commands::Refusal;

/// `amr` of a login by password.
const METHODS: [&str; 1] = ["pwd"];

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
    /// Checks the password and opens a session. The same work is done whether or not the address is known.
    pub async fn log_in(
        &self,
        email: Option<Email>,
        password: Password,
        client: &ClientInfo,
    ) -> Result<Admission, LoginError> {
        let commands = &self.0.commands;
        let user = match &email {
            Some(email) => commands.find_email(email).await?,
            None => None,
        };
        let pool = commands.log().pool();
        let nobody = UserId(Uuid::nil());
        let state = commands.load_user(user.unwrap_or(nobody)).await?;
        let known = credentials::find(pool, user.unwrap_or(nobody), &state).await?;
        let Verdict::Right(rehashed) = self.0.hasher.verify(password, known).await? else {
            return Err(LoginError::Invalid);
        };
        let user = user.ok_or(LoginError::Invalid)?;
        match state.state() {
            UserState::Unverified => return Err(LoginError::NotVerified),
            UserState::Deactivated => return Err(LoginError::Deactivated),
            UserState::Active => {}
        }
        if let Some(hash) = rehashed {
            credentials::rehash(pool, user, &state, &hash).await?;
        }
        self.open_session(user, &state, client).await
    }

    async fn open_session(
        &self,
        user: UserId,
        state: &User,
        client: &ClientInfo,
    ) -> Result<Admission, LoginError> {
        let commands = &self.0.commands;
        let client = commands.seal_client(user, client).await?;
        let (id, methods) = (Uuid::now_v7(), METHODS.map(str::to_owned));
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
        Ok(self.admit(&session, state, &token).await?)
    }
}
