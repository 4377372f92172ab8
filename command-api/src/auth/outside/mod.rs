//! Coming in by an outside identity: whose it is here, or becomes.
//!
//! A known identity opens its account. An unknown one is linked to the account that bears its address, if the provider
//! vouches for the address and the account's own is verified too; or somebody signs up by it.

mod identities;
mod proving;
mod who;

pub use identities::IdentityView;
pub use who::Person;

use domain::{
    ids::UserId,
    user::{User, values::UserState},
};
use service::request::ClientInfo;

use super::{Auth, Entry, admission::AdmissionError, login_codes, second_factor::SecondFactorError};
use crate::commands::{Caller, Refusal};

/// `amr` of a login by an outside provider.
const METHODS: [&str; 1] = ["fed"];
/// Others may sign up or link the same identity at the same time; afterwards it is known.
const ATTEMPTS: u32 = 3;

/// Why nobody comes in by an outside identity.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The identity is unknown here, and its provider does not vouch for an address.
    #[error("the provider does not vouch for an address")]
    EmailNotVerified,
    /// The identity is unknown here, and its provider may not bring in people of this address.
    #[error("no account, and none can be made")]
    NoAccount,
    /// The account that bears the address has not been verified.
    #[error("the account is not verified")]
    NotVerified,
    /// The account is locked out.
    #[error("the account is deactivated")]
    Deactivated,
    /// The account belongs to somebody else at this provider.
    #[error("the account is somebody else's at this provider")]
    Conflict,
    /// The login or session that was to go on is over.
    #[error("the login or the session is over")]
    Over,
    /// The user has no such identity.
    #[error("no such identity")]
    NoIdentity,
    /// The log or the sealer did not answer, or the command was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("logins or sessions cannot be read or written")]
    Database(#[from] sqlx::Error),
    /// No access token.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The second factor is wrong, or cannot be judged.
    #[error(transparent)]
    Factor(#[from] SecondFactorError),
}

/// Somebody who has been recognised.
#[derive(Debug)]
pub struct Recognised {
    /// Who.
    pub user: UserId,
    state: User,
}

impl Auth {
    /// Whose identity this is, or becomes now.
    pub async fn recognise(
        &self,
        person: &Person,
        caller: &Caller,
        client: &ClientInfo,
    ) -> Result<Recognised, OutsideError> {
        for _ in 0..ATTEMPTS {
            if let Some(user) = self.0.commands.find_identity(&person.issuer, &person.subject).await? {
                return self.admissible(user).await;
            }
            match self.welcome(person, caller, client).await {
                Ok(user) => return self.admissible(user).await,
                Err(OutsideError::Refused(Refusal::Taken { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Refusal::Moving.into())
    }

    /// Whose identity this is; nobody comes in by it who has not before.
    pub async fn recognise_known(&self, person: &Person) -> Result<Recognised, OutsideError> {
        let known = self.0.commands.find_identity(&person.issuer, &person.subject).await?;
        self.admissible(known.ok_or(OutsideError::Conflict)?).await
    }

    /// Opens a session, unless a second factor is asked for.
    pub async fn let_in(&self, who: &Recognised, client: &ClientInfo) -> Result<Entry, OutsideError> {
        Ok(self.enter(who.user, &who.state, client, &METHODS).await?)
    }

    /// A code for which [`redeem_login_code`](Self::redeem_login_code) lets in.
    pub async fn make_login_code(&self, who: &Recognised) -> Result<String, OutsideError> {
        let pool = self.0.commands.log().pool();
        Ok(login_codes::make(pool, who.user, who.state.session_epoch).await?)
    }

    /// Lets in who brings such a code.
    pub async fn redeem_login_code(&self, code: &str, client: &ClientInfo) -> Result<Entry, OutsideError> {
        let code = login_codes::take(self.0.commands.log().pool(), code).await?.ok_or(OutsideError::Over)?;
        let who = self.admissible(code.user()).await?;
        if who.state.session_epoch != code.epoch {
            return Err(OutsideError::Over);
        }
        self.let_in(&who, client).await
    }

    async fn admissible(&self, user: UserId) -> Result<Recognised, OutsideError> {
        let state = self.0.commands.load_user(user).await?;
        match state.state() {
            UserState::Active => Ok(Recognised { user, state }),
            UserState::Unverified => Err(OutsideError::NotVerified),
            UserState::Deactivated => Err(OutsideError::Deactivated),
        }
    }
}
