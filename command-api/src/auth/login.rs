//! Logging in with e-mail and password.

use chrono::{TimeDelta, Utc};
use domain::{
    ids::UserId,
    user::{User, values::UserState},
};
use service::request::ClientInfo;
use uuid::Uuid;

use super::{
    Auth,
    admission::{Admission, AdmissionError},
    credentials,
    lockout::{self, Address, Wait},
    password::{Busy, Password, Verdict},
    refresh_token::RefreshToken,
    sessions::{self, NewSession},
};
use crate::commands::{Caller, Refusal};

/// `amr` of a login by password.
const METHODS: [&str; 1] = ["pwd"];

/// Why nobody comes in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown address or wrong password: nobody is told which.
    #[error("e-mail or password is wrong")]
    Invalid,
    /// Too many wrong passwords were tried for the address, known or not.
    #[error("no password is looked at for {} s", .0.num_seconds())]
    Locked(TimeDelta),
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
        address: &Address,
        password: Password,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<Admission, LoginError> {
        let (commands, pool) = (&self.0.commands, self.0.commands.log().pool());
        let tries = self.tries_of(address);
        let _turn = self.0.tries.turn(tries.clone()).await.map_err(Refusal::from)?;
        let user = match &address.email {
            Some(email) => commands.find_email(email).await?,
            None => None,
        };
        let nobody = UserId(Uuid::nil());
        let state = commands.load_user(user.unwrap_or(nobody)).await?;
        let known = credentials::find(pool, user.unwrap_or(nobody), &state).await?;
        let place = self.0.hasher.place()?;
        let counted = match lockout::count(pool, &tries).await? {
            Ok(counted) => counted,
            Err(Wait(span)) => return Err(LoginError::Locked(span)),
        };
        let verdict = self.0.hasher.verify(place, password, known).await?;
        let (Some(user), Verdict::Right(rehashed)) = (user, verdict) else {
            user.into_iter()
                .for_each(|user| self.note_failure(user, counted, caller.clone(), client.clone()));
            return Err(LoginError::Invalid);
        };
        lockout::forget(pool, &tries).await?;
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
