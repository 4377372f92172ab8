//! API keys and service accounts: which keys a user has, and within which bounds. The keys themselves are not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    ApiKeyCreated, ApiKeyEntry, ServiceAccountCreated, User, UserContext, UserError, UserEvent,
    decide::Decided, values::UserState,
};
use crate::{
    actor::Actor,
    personal::Sealed,
    policy::{Action, Decision, Relation, Role, RoleSet, Scope, ScopeSet},
    time::Timestamp,
    violation::{FieldViolation, Violation},
};

/// Keys that a user may have at a time.
const MAX_KEYS: usize = 50;
/// Roles that a program may hold: it manages nobody, and nobody can ask it who it is.
const OF_PROGRAMS: RoleSet = RoleSet::of(&[Role::Integrator, Role::Member, Role::Manager]);

/// The keys of a user that are neither revoked nor long expired.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeys(BTreeMap<Uuid, ApiKey>);

/// What a key may be used for and until when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Within which scopes.
    pub scopes: ScopeSet,
    /// Until when.
    pub expires_at: Timestamp,
}

impl ApiKeys {
    /// Which keys there are.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.0.keys().copied()
    }

    /// Whether the key is there.
    pub fn has(&self, key: Uuid) -> bool {
        self.0.contains_key(&key)
    }

    /// Takes a new key in; those that had expired by the event before are dropped.
    pub(super) fn take(&mut self, new: ApiKeyCreated, before: Option<Timestamp>) {
        self.0.retain(|_, key| Some(key.expires_at) > before);
        self.0.insert(new.key, ApiKey { scopes: new.scopes, expires_at: new.expires_at });
    }

    pub(super) fn remove(&mut self, key: Uuid) {
        self.0.remove(&key);
    }

    fn live(&self, now: Timestamp) -> usize {
        self.0.values().filter(|key| key.expires_at > now).count()
    }
}

impl User {
    /// Whether a program may come with this key now, as far as its user is concerned.
    pub fn lets_in(&self, key: Uuid) -> bool {
        self.is_active() && self.api_keys.has(key)
    }

    /// Whether this is a program and not a person.
    pub fn is_service_account(&self) -> bool {
        self.service_scopes.is_some()
    }

    pub(super) fn create_service_account(&self, name: Sealed, scopes: ScopeSet) -> Decided {
        self.must_be_new()?;
        let mut roles = RoleSet::of(&[Role::Integrator]);
        if scopes.has(Scope::TasksRead) || scopes.has(Scope::TasksWrite) {
            roles = roles.with(Role::Member);
        }
        let created = ServiceAccountCreated { name, roles, scopes };
        Ok(vec![UserEvent::ServiceAccountCreated(created)])
    }

    pub(super) fn create_api_key(&self, key: ApiKeyCreated, context: &UserContext) -> Decided {
        let state = self.must_exist()?;
        self.keys_are_managed_by(context)?;
        rate_is_given_by(&key, context)?;
        if state != UserState::Active {
            return Err(UserError::StateNotAllowed { state });
        }
        let violations = self.misfits(&key, context.now);
        if !violations.is_empty() {
            return Err(UserError::Invalid(violations));
        }
        if self.api_keys.live(context.now) >= MAX_KEYS {
            return Err(UserError::TooManyKeys { max: MAX_KEYS });
        }
        Ok(vec![UserEvent::ApiKeyCreated(key)])
    }

    pub(super) fn revoke_api_key(&self, key: Uuid) -> Decided {
        self.must_exist()?;
        let revoked = UserEvent::ApiKeyRevoked(ApiKeyEntry { key });
        Ok(self.api_keys.has(key).then_some(revoked).into_iter().collect())
    }

    /// One's own, and admins those of programs.
    fn keys_are_managed_by(&self, context: &UserContext) -> Result<(), UserError> {
        let own = context.actor.id() == Some(context.user);
        if own || self.is_service_account() { Ok(()) } else { Err(UserError::Forbidden) }
    }

    fn misfits(&self, key: &ApiKeyCreated, now: Timestamp) -> Vec<FieldViolation> {
        let held = self.service_scopes.unwrap_or(ScopeSet::ALL);
        let scopes = key.scopes.iter().filter(|scope| !held.has(*scope));
        let mut violations: Vec<_> = scopes
            .map(|scope| FieldViolation::of("scopes", Violation::ScopeNotHeld { scope: scope.as_str() }))
            .collect();
        if key.scopes.is_empty() {
            violations.push(FieldViolation::of("scopes", Violation::Empty));
        }
        if key.expires_at <= now || key.expires_at > now.plus_year() {
            let expected = "a time within the coming year";
            violations.push(FieldViolation::of("expire_time", Violation::Malformed { expected }));
        }
        violations
    }

    /// Whether a user of this kind may hold the role at all.
    pub(super) fn fits(&self, role: Role) -> bool {
        if self.is_service_account() { OF_PROGRAMS.has(role) } else { role != Role::Integrator }
    }
}

/// Rates of their own are given by those who make service accounts.
fn rate_is_given_by(key: &ApiKeyCreated, context: &UserContext) -> Result<(), UserError> {
    let action = Action::ServiceAccountManage;
    let nobody_asks = key.rate_per_minute.is_none() || context.actor == Actor::System;
    let may = nobody_asks || context.actor.decide(action, None, Relation::default()) == Decision::Allow;
    if may { Ok(()) } else { Err(UserError::Forbidden) }
}
