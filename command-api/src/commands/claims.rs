//! Values that one aggregate only may hold, as the events take and release them.

use std::borrow::Cow;

use domain::{
    policy::Role,
    task::{TaskEvent, values::ExternalRef},
    user::UserEvent,
};
use event_store::{Claim, ClaimAction};
use uuid::Uuid;

/// A task's name in another system.
pub(crate) const EXTERNAL_REF: &str = "task.external_ref";
/// A user's e-mail address (HMAC).
pub(crate) const EMAIL: &str = "user.email";
/// A user's name in the system that history was imported from.
pub(crate) const SOURCE: &str = "user.source";
/// An identity at an outside provider (HMAC of issuer and subject).
pub(crate) const IDENTITY: &str = "user.identity";
/// Who holds the role `admin`; finds the other admins.
pub(crate) const ADMIN: &str = "user.admin";

/// The claims that a task's event moves.
pub(super) fn of_task(event: &TaskEvent, task: Uuid) -> impl Iterator<Item = Claim> + use<> {
    let (old, new) = match event {
        TaskEvent::Created(created) => (None, created.external_ref.as_ref()),
        TaskEvent::ExternalRefChanged(change) => (change.from.as_ref(), change.to.as_ref()),
        _ => (None, None),
    };
    let claim = |reference: &ExternalRef, action| claim(EXTERNAL_REF, reference.as_claim(), task, action);
    let release = old.map(|reference| claim(reference, ClaimAction::Release));
    let take = new.map(|reference| claim(reference, ClaimAction::Take));
    release.into_iter().chain(take)
}

/// The claims that a user's event moves; those on e-mail addresses and outside identities need them in clear
/// and are the caller's.
pub(super) fn of_user(event: &UserEvent, user: Uuid) -> Option<Claim> {
    let admin = |action| Some(claim(ADMIN, user.to_string(), user, action));
    match event {
        UserEvent::Imported(imported) => {
            Some(claim(SOURCE, imported.source.as_claim(), user, ClaimAction::Take))
        }
        UserEvent::Invited(invited) if invited.roles.has(Role::Admin) => admin(ClaimAction::Take),
        UserEvent::RoleGranted(entry) if entry.role == Role::Admin => admin(ClaimAction::Take),
        UserEvent::RoleRevoked(entry) if entry.role == Role::Admin => admin(ClaimAction::Release),
        _ => None,
    }
}

/// Adds a claim to those of a unit: of several actions on one value the last counts. False if another owner's
/// action on the value is there already.
pub(super) fn merge(claims: &mut Vec<Claim>, new: Claim) -> bool {
    match claims.iter_mut().find(|claim| claim.scope == new.scope && claim.value == new.value) {
        None => claims.push(new),
        Some(known) if known.owner == new.owner => *known = new,
        Some(known) => return known.action == ClaimAction::Take && new.action == ClaimAction::Release,
    }
    true
}

pub(crate) fn claim(scope: &'static str, value: String, owner: Uuid, action: ClaimAction) -> Claim {
    Claim { scope: Cow::Borrowed(scope), value, owner, action }
}
