//! The people of the data set: invited and verified, without passwords.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use command_api::commands::{Caller, Commands, Refusal, UserUnit, Who};
use domain::ids::UserId;
use domain::policy::RoleSet;
use domain::time::TimeZone;
use domain::user::values::{Email, Locale, PersonName};
use domain::user::{NewUser, Proof, UserCommand};
use uuid::Uuid;

use super::DemoError;
use super::data::Person;

/// They joined before any of the tasks.
const JOINED: Duration = Duration::days(30);

/// Who is who.
pub(super) struct People(HashMap<String, UserId>);

impl People {
    /// Finds or makes everybody.
    pub(super) async fn ensure(
        commands: &Commands,
        people: &[Person],
        now: DateTime<Utc>,
    ) -> Result<Self, DemoError> {
        let mut known = HashMap::new();
        for person in people {
            let email = Email::parse(&person.email)?;
            let id = match commands.find_email(&email).await? {
                Some(id) => id,
                None => invite(commands, person, &email, now - JOINED).await?,
            };
            known.insert(person.key.clone(), id);
        }
        Ok(Self(known))
    }

    /// The one of that key.
    pub(super) fn id(&self, key: &str) -> Result<UserId, DemoError> {
        self.0.get(key).copied().ok_or_else(|| DemoError::Nobody(key.to_owned()))
    }
}

async fn invite(
    commands: &Commands,
    person: &Person,
    email: &Email,
    joined: DateTime<Utc>,
) -> Result<UserId, DemoError> {
    let id = UserId(Uuid::now_v7());
    let name = PersonName::parse(&person.name)?;
    let user = NewUser {
        email: commands.seal(id, email.as_str()).await?,
        name: commands.seal(id, name.as_str()).await?,
        locale: Locale::parse(&person.locale)?,
        time_zone: TimeZone::parse(&person.zone)?,
    };
    let caller = Caller::internal(Who::System, "system").at(joined.into());
    let invite = UserCommand::Invite { user, roles: RoleSet::of(&person.roles), link: None };
    let unit = UserUnit { claims: vec![commands.email_claim(id, email)], ..UserUnit::new(id, invite) };
    match commands.user(&caller, &unit).await {
        Err(Refusal::Taken { owner, .. }) => return Ok(UserId(owner)),
        invited => invited?,
    };
    commands.user(&caller, &UserUnit::new(id, UserCommand::Verify { proof: Proof::Word })).await?;
    Ok(id)
}
