//! Whom a rule means, and who of them may know.

use std::collections::{BTreeMap, BTreeSet};

use super::Occasion;
use crate::{
    actor::Actor,
    ids::UserId,
    notification_rule::values::{Audience, Group},
    policy::{self, RoleSet},
    task::Task,
    user::User,
};

/// Whether somebody may see a task. Whether it is deleted does not matter.
pub fn sees(id: UserId, user: &User, task: &Task) -> bool {
    let roles = user.effective_roles();
    policy::sees(roles, task.visibility, task.relation(&Actor::User { id, roles }))
}

/// Users as a decision knows them.
pub trait People {
    /// A user, if there is one of this id.
    fn get(&self, id: UserId) -> Option<&User>;

    /// Everybody who holds any of these roles, active or not.
    fn holders(&self, roles: RoleSet) -> Vec<UserId>;
}

impl People for BTreeMap<UserId, User> {
    fn get(&self, id: UserId) -> Option<&User> {
        self.get(&id)
    }

    fn holders(&self, roles: RoleSet) -> Vec<UserId> {
        self.iter().filter(|(_, user)| user.roles.has_any(roles)).map(|(id, _)| *id).collect()
    }
}

/// Those who are meant, may see the task and are people who can be told; not who acted.
pub(super) fn recipients<'a>(
    audience: &Audience,
    occasion: &Occasion<'_>,
    people: &'a impl People,
) -> Vec<(UserId, &'a User)> {
    let meant = meant(audience, occasion, people);
    let known = meant.into_iter().filter_map(|id| Some((id, people.get(id)?)));
    let told = known.filter(|(id, user)| {
        let person = user.is_active() && !user.is_service_account();
        person && occasion.actor != Some(*id) && sees(*id, user, occasion.task)
    });
    told.collect()
}

fn meant(audience: &Audience, occasion: &Occasion<'_>, people: &impl People) -> BTreeSet<UserId> {
    let mut meant: BTreeSet<UserId> = audience.users.iter().copied().collect();
    meant.extend(audience.groups.iter().flat_map(|group| members(group, occasion)));
    if !audience.roles.is_empty() {
        meant.extend(people.holders(audience.roles));
    }
    meant
}

fn members(group: Group, occasion: &Occasion<'_>) -> Vec<UserId> {
    match group {
        Group::Assignees => occasion.task.assignees.clone(),
        Group::Watchers => occasion.task.watchers.clone(),
        Group::Creator => occasion.task.creator.into_iter().collect(),
        Group::Mentioned => occasion.mentioned.to_vec(),
        Group::Subject => occasion.subjects.to_vec(),
    }
}
