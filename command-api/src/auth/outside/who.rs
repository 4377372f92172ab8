//! An identity that nobody here has yet: linked to an account, or made one.

use domain::{
    ids::{IdentityId, UserId},
    user::{
        Identity, UserCommand, UserError,
        values::{Email, Locale, PersonName, TimeZone, UserState},
    },
};
use service::request::ClientInfo;
use uuid::Uuid;

use super::OutsideError;
use crate::{
    auth::{Auth, NewPerson},
    commands::{Caller, Refusal, UserUnit, Who},
};

/// Somebody as an outside provider knows them, judged by what the configuration says of the provider.
#[derive(Clone, Debug)]
pub struct Person {
    /// The provider's short name in the configuration.
    pub provider: String,
    /// The provider's name for itself.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: String,
    /// Their address, if the provider vouches for it.
    pub verified_email: Option<Email>,
    /// Whether the provider may sign up or link this address.
    pub admitted: bool,
    /// Whether it may sign up anybody.
    pub may_sign_up: bool,
    /// Their name, if it says one.
    pub name: Option<PersonName>,
    /// Their language.
    pub locale: Locale,
    /// Their time zone.
    pub time_zone: TimeZone,
}

impl Auth {
    /// Gives an identity that is new here to whoever bears its address.
    pub(super) async fn welcome(
        &self,
        person: &Person,
        caller: &Caller,
        client: &ClientInfo,
    ) -> Result<UserId, OutsideError> {
        let email = person.verified_email.as_ref().ok_or(OutsideError::EmailNotVerified)?;
        if !person.admitted {
            return Err(OutsideError::NoAccount);
        }
        match self.0.commands.find_email(email).await? {
            Some(user) => self.link(user, person, caller, client).await,
            None if person.may_sign_up => self.sign_up_outside(email, person, caller, client).await,
            None => Err(OutsideError::NoAccount),
        }
    }

    async fn link(
        &self,
        user: UserId,
        person: &Person,
        caller: &Caller,
        client: &ClientInfo,
    ) -> Result<UserId, OutsideError> {
        let caller = caller.clone().of(self.0.commands.seal_client(user, client).await?);
        let caller = Caller { who: Who::User(user), ..caller };
        let command = UserCommand::LinkIdentity(self.identity(user, person).await?);
        self.claiming(&caller, user, person, command, Vec::new()).await
    }

    async fn sign_up_outside(
        &self,
        email: &Email,
        person: &Person,
        caller: &Caller,
        client: &ClientInfo,
    ) -> Result<UserId, OutsideError> {
        let (commands, user) = (&self.0.commands, UserId(Uuid::now_v7()));
        let caller = caller.clone().of(commands.seal_client(user, client).await?);
        let new = NewPerson {
            email: email.clone(),
            name: person.name.clone().unwrap_or_else(|| named_after(email)),
            locale: person.locale.clone(),
            time_zone: person.time_zone,
        };
        let command = UserCommand::SignUpOutside {
            user: commands.seal_person(user, &new).await?,
            identity: self.identity(user, person).await?,
        };
        let claims = vec![commands.email_claim(user, email)];
        self.claiming(&caller, user, person, command, claims).await
    }

    /// Executes a command that makes the identity this user's.
    async fn claiming(
        &self,
        caller: &Caller,
        user: UserId,
        person: &Person,
        command: UserCommand,
        mut claims: Vec<event_store::Claim>,
    ) -> Result<UserId, OutsideError> {
        claims.push(self.0.commands.identity_claim(user, &person.issuer, &person.subject));
        let unit = UserUnit { claims, ..UserUnit::new(user, command) };
        match self.0.commands.user(caller, &unit).await {
            Ok(_) => Ok(user),
            Err(Refusal::User(UserError::StateNotAllowed { state })) => Err(match state {
                UserState::Deactivated => OutsideError::Deactivated,
                UserState::Unverified | UserState::Active => OutsideError::NotVerified,
            }),
            Err(Refusal::User(UserError::IdentityConflict)) => Err(OutsideError::Conflict),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn identity(&self, user: UserId, person: &Person) -> Result<Identity, OutsideError> {
        Ok(Identity {
            id: IdentityId(Uuid::now_v7()),
            provider: person.provider.clone(),
            issuer: person.issuer.clone(),
            subject: self.0.commands.seal(user, &person.subject).await?,
        })
    }
}

/// People whose provider says no name are called by what stands before the `@`, until they say another.
#[expect(clippy::expect_used, reason = "the local part of an address is one short line")]
fn named_after(email: &Email) -> PersonName {
    let local = email.as_str().split('@').next().unwrap_or_default();
    PersonName::parse(local).expect("a local part can be a name")
}
