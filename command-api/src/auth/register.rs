//! Signing up.

use domain::{
    ids::UserId,
    policy::{Role, RoleSet},
    user::{
        NewUser, Proof, UserCommand,
        values::{Email, Locale, PersonName, TimeZone},
    },
};
use service::request::ClientInfo;
use uuid::Uuid;

use super::{
    Auth, credentials,
    password::{Busy, Password},
};
use crate::commands::{Caller, Refusal, UserUnit, Who};

/// Somebody new, in clear.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Address.
    pub email: Email,
    /// Name.
    pub name: PersonName,
    /// Language.
    pub locale: Locale,
    /// Time zone.
    pub time_zone: TimeZone,
}

/// Why nobody was signed up.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The command was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("credentials cannot be written")]
    Database(#[from] sqlx::Error),
}

const VERIFY: UserCommand = UserCommand::Verify { proof: Proof::Word };

impl Auth {
    /// Signs somebody up. An address that is known already gives the same answer after the same work.
    pub async fn register(
        &self,
        person: NewPerson,
        password: Password,
        caller: Caller,
        client: ClientInfo,
    ) -> Result<(), RegisterError> {
        let auth = self.clone();
        // A caller that goes away must not leave a password without a user.
        let work = tokio::spawn(async move {
            let user = UserId(Uuid::now_v7());
            let caller = caller.of(auth.0.commands.seal_client(user, &client).await?);
            let command = UserCommand::Register(auth.0.commands.seal_person(user, &person).await?);
            match auth.sign_up(user, &person.email, password, command, &caller).await {
                Err(RegisterError::Refused(Refusal::Taken { .. })) => Ok(()),
                result => result,
            }
        });
        work.await.unwrap_or(Err(RegisterError::Busy(Busy)))
    }

    /// Makes the first admin unless somebody has signed up with this address; active at once, with roles admin and
    /// member. True if made.
    pub async fn ensure_first_admin(
        &self,
        person: &NewPerson,
        password: Password,
    ) -> Result<bool, RegisterError> {
        let commands = &self.0.commands;
        let caller = Caller::internal(Who::System, "system");
        if let Some(known) = commands.find_email(&person.email).await? {
            let half_made = commands.load_user(known).await?;
            if !half_made.verified && half_made.roles.has(Role::Admin) {
                commands.user(&caller, &UserUnit::new(known, VERIFY)).await?;
            }
            return Ok(false);
        }
        let user = UserId(Uuid::now_v7());
        let roles = RoleSet::of(&[Role::Admin, Role::Member]);
        let command = UserCommand::Invite { user: commands.seal_person(user, person).await?, roles };
        match self.sign_up(user, &person.email, password, command, &caller).await {
            Err(RegisterError::Refused(Refusal::Taken { .. })) => return Ok(false),
            result => result?,
        }
        commands.user(&caller, &UserUnit::new(user, VERIFY)).await?;
        Ok(true)
    }

    async fn sign_up(
        &self,
        user: UserId,
        email: &Email,
        password: Password,
        command: UserCommand,
        caller: &Caller,
    ) -> Result<(), RegisterError> {
        let (commands, pool) = (&self.0.commands, self.0.commands.log().pool());
        let hash = self.0.hasher.hash(password).await?;
        credentials::set(pool, user, &hash).await?;
        let claims = vec![commands.email_claim(user, email)];
        let signed_up = commands.user(caller, &UserUnit { claims, ..UserUnit::new(user, command) }).await;
        if matches!(signed_up, Err(Refusal::Taken { .. })) {
            credentials::remove(pool, user).await?;
        }
        signed_up?;
        Ok(())
    }
}

impl crate::commands::Commands {
    /// Seals what is personal with the key of the new user.
    pub(crate) async fn seal_person(&self, user: UserId, person: &NewPerson) -> Result<NewUser, Refusal> {
        Ok(NewUser {
            email: self.seal(user, person.email.as_str()).await?,
            name: self.seal(user, person.name.as_str()).await?,
            locale: person.locale.clone(),
            time_zone: person.time_zone,
        })
    }
}
