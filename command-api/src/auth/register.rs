//! Signing up.

use domain::{
    ids::{CredentialId, LinkId, UserId},
    policy::{Role, RoleSet},
    user::{
        NewUser, Proof, SignUp, UserCommand,
        values::{Email, Locale, PersonName, TimeZone},
    },
};
use service::request::ClientInfo;
use uuid::Uuid;

use super::{
    Auth,
    credentials::{NewCredential, PasswordError},
    password::{Busy, Password},
};
use crate::commands::{Caller, Refusal, Reply, UserUnit, Who};

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

/// Somebody who is signing up, with the password that they have chosen.
struct Application {
    person: NewPerson,
    credential: NewCredential,
    caller: Caller,
    client: ClientInfo,
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
    ) -> Result<(), PasswordError> {
        let auth = self.clone();
        // A caller that goes away must not leave a password without a user.
        let work = tokio::spawn(async move {
            let hash = auth.0.hasher.hash(password).await?;
            let credential = NewCredential { id: CredentialId(Uuid::now_v7()), hash, needs_factor: false };
            let known = auth.0.commands.find_email(&person.email).await?;
            let application = Application { person, credential, caller, client };
            match known {
                Some(user) => auth.sign_up_again(user, &application).await,
                None => match auth.sign_up(&application).await {
                    Err(PasswordError::Refused(Refusal::Taken { owner, .. })) => {
                        auth.sign_up_again(UserId(owner), &application).await
                    }
                    result => result,
                },
            }
        });
        work.await.unwrap_or(Err(PasswordError::Busy(Busy)))
    }

    async fn sign_up(&self, new: &Application) -> Result<(), PasswordError> {
        let (commands, user) = (&self.0.commands, UserId(Uuid::now_v7()));
        let command = UserCommand::Register {
            user: commands.seal_person(user, &new.person).await?,
            sign_up: new.sign_up(),
        };
        let claims = vec![commands.email_claim(user, &new.person.email)];
        self.apply(new, UserUnit { claims, ..UserUnit::new(user, command) }).await
    }

    /// The address is this user's.
    async fn sign_up_again(&self, user: UserId, new: &Application) -> Result<(), PasswordError> {
        self.apply(new, UserUnit::new(user, UserCommand::RepeatSignUp(new.sign_up()))).await
    }

    async fn apply(&self, new: &Application, unit: UserUnit) -> Result<(), PasswordError> {
        let client = self.0.commands.seal_client(unit.user, &new.client).await?;
        let caller = new.caller.clone().of(client);
        self.with_credential(&caller, &unit, &new.credential, |_| Reply::default()).await.map(drop)
    }

    /// Makes the first admin unless somebody has signed up with this address; active at once, with roles admin and
    /// member. True if made.
    pub async fn ensure_first_admin(
        &self,
        person: &NewPerson,
        password: Password,
    ) -> Result<bool, PasswordError> {
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
        // No event names it: it counts because it bears the user's id.
        let hash = self.0.hasher.hash(password).await?;
        let credential = NewCredential { id: CredentialId(user.0), hash, needs_factor: false };
        let roles = RoleSet::of(&[Role::Admin, Role::Member]);
        let command =
            UserCommand::Invite { user: commands.seal_person(user, person).await?, roles, link: None };
        let claims = vec![commands.email_claim(user, &person.email)];
        let unit = UserUnit { claims, ..UserUnit::new(user, command) };
        match self.with_credential(&caller, &unit, &credential, |_| Reply::default()).await {
            Err(PasswordError::Refused(Refusal::Taken { .. })) => return Ok(false),
            result => result?,
        };
        commands.user(&caller, &UserUnit::new(user, VERIFY)).await?;
        Ok(true)
    }
}

impl Application {
    fn sign_up(&self) -> SignUp {
        SignUp { link: LinkId(Uuid::now_v7()), credential: self.credential.id }
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
