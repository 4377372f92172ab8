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
    credentials, half_logins,
    lockout::{self, Address, Wait},
    password::{Busy, Password, Verdict},
    refresh_token::RefreshToken,
    sessions::{self, NewSession},
};
use crate::commands::{Caller, Refusal};

/// `amr` of a login by password.
const METHODS: [&str; 1] = ["pwd"];

/// How somebody is let in who has taken the first step.
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
    /// Checks the password; opens a session unless a second factor is asked for. The same work is done whether or not the address is known.
    pub async fn log_in(
        &self,
        address: &Address,
        password: Password,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<Entry, LoginError> {
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
        Ok(self.enter(user, &state, client, &METHODS).await?)
    }

    /// Opens a session of somebody who has taken the first step in this way, unless there is a second.
    pub(super) async fn enter(
        &self,
        user: UserId,
        state: &User,
        client: &ClientInfo,
        methods: &[&str],
    ) -> Result<Entry, AdmissionError> {
        if state.totp.is_some() {
            let pool = self.0.commands.log().pool();
            return Ok(Entry::HalfWay(half_logins::begin(pool, user, state.session_epoch, methods).await?));
        }
        let admission = self.open_session(user, state, client, methods).await?;
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
