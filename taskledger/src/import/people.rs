//! The people of the other tracker as users of this one. What they are called there is personal: it is kept as a hash under the
//! installation's key, by which a later run finds them.

use std::collections::HashMap;

use command_api::commands::{Caller, Commands, Refusal, UserUnit, Who};
use domain::{
    ids::UserId,
    task::values::ExternalRef,
    user::{UserCommand, values::PersonName},
};
use uuid::Uuid;

use super::{Mapping, Source};

/// Every actor of a file, by name; those whose name no user may bear are missing.
#[derive(Debug, Default)]
pub(super) struct People(HashMap<String, UserId>);

impl People {
    /// Finds each actor among the users, or brings him in with the time of his first row; also says how many are new.
    pub(super) async fn bring_in(
        commands: &Commands,
        importer: UserId,
        mapping: &Mapping,
        source: &Source,
    ) -> Result<(Self, u64), Refusal> {
        let mut people = Self::default();
        let mut new = 0;
        for row in &source.rows {
            let Some(time) = row.occurred_at().filter(|_| !people.0.contains_key(&row.actor)) else {
                continue;
            };
            let Some((reference, name)) = identity(&mapping.system, &row.actor) else { continue };
            let (plain, reference) = (reference.as_claim(), commands.source(&reference));
            let known = match commands.find_source(&reference.as_claim()).await? {
                Some(id) => Some(id),
                // From a run of a program before this one.
                None => commands.find_source(&plain).await?,
            };
            let id = match known {
                Some(id) => id,
                None => {
                    let id = UserId(Uuid::now_v7());
                    let command = UserCommand::Import {
                        name: commands.seal(id, name.as_str()).await?,
                        source: reference,
                    };
                    let caller = Caller::internal(Who::User(importer), "import").at(time);
                    commands.user(&caller, &UserUnit::new(id, command)).await?;
                    new += 1;
                    id
                }
            };
            people.0.insert(row.actor.clone(), id);
        }
        Ok((people, new))
    }

    /// The user who is this actor.
    pub(super) fn find(&self, actor: &str) -> Option<UserId> {
        self.0.get(actor).copied()
    }
}

fn identity(system: &str, actor: &str) -> Option<(ExternalRef, PersonName)> {
    let reference =
        ExternalRef::new(ExternalRef::parse_system(system).ok()?, ExternalRef::parse_id(actor).ok()?);
    Some((reference, PersonName::parse(actor).ok()?))
}
