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
    Auth, credentials,
    password::{Busy, Password, Verdict},
    sessions::{self, NewSession},
    tokens::Subject,
};
use crate::commands::Refusal;

/// `amr` of a login by password.
const METHODS: &[&str] = &["pwd"];

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
    /// The token could not be signed.
    #[error("the token cannot be signed")]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// Somebody who has come in.
#[derive(Debug)]
pub struct LoggedIn {
    /// The access token.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// The session that it names.
    pub session: Uuid,
    /// Who.
    pub user: UserId,
    /// Their address in clear.
    pub email: String,
    /// Their name in clear.
    pub name: String,
    /// Their roles.
    pub roles: domain::policy::RoleSet,
}

impl Auth {
    /// Checks the password and opens a session. The same work is done whether or not the address is known.
    pub async fn log_in(
        &self,
        email: Option<Email>,
        password: Password,
        client: &ClientInfo,
    ) -> Result<LoggedIn, LoginError> {
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
        self.open_session(user, &state, client).await
    }

    async fn open_session(
        &self,
        user: UserId,
        state: &User,
        client: &ClientInfo,
    ) -> Result<LoggedIn, LoginError> {
        let commands = &self.0.commands;
        let (session, auth_time) = (Uuid::now_v7(), Utc::now());
        let ip = commands.seal(user, &client.ip.to_string()).await?;
        let user_agent = match &client.user_agent {
            Some(text) => Some(commands.seal(user, text).await?),
            None => None,
        };
        let user_agent = user_agent.as_ref();
        let new = NewSession { id: session, user, auth_time, methods: METHODS, ip: &ip, user_agent };
        sessions::open(commands.log().pool(), &new).await?;
        let roles = state.effective_roles();
        let subject = Subject { user, session, auth_time, methods: METHODS, roles, epoch: state.epoch };
        let (access_token, expires_in) = self.sign(&subject)?;
        let clear = async |sealed: &Option<_>| match sealed {
            Some(sealed) => commands.unseal(sealed).await.map(Option::unwrap_or_default),
            None => Ok(String::new()),
        };
        let (email, name) = (clear(&state.email).await?, clear(&state.name).await?);
        Ok(LoggedIn { access_token, expires_in, session, user, email, name, roles })
    }
}
