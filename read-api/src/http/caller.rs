//! Who asks, and what the policy says to it.

use axum::{extract::FromRequestParts, http::request::Parts};
use domain::{
    policy::{Action, Decision, Relation, Role, RoleSet, ScopeSet, decide_within},
    task::values::Visibility,
};
use service::{
    auth::{Principal, TokenError},
    problem::{Code, Problem},
};
use uuid::Uuid;

use super::failure::unread;
use crate::{ReadApi, queries::Sight, standing::Standing};

/// An authenticated user with the roles that he still has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The user.
    pub(super) id: Uuid,
    /// Roles of the token, less those revoked since.
    pub(super) roles: RoleSet,
    /// What the caller's API key is for; none with a session.
    pub(super) scopes: Option<ScopeSet>,
}

impl Caller {
    /// Refuses what the roles do not allow anywhere.
    pub(crate) fn may(&self, action: Action) -> Result<(), Problem> {
        if self.can(action, Relation::default()) { Ok(()) } else { Err(Code::Forbidden.into()) }
    }

    /// Whether the roles and the relation to another user allow it.
    pub(super) fn can(&self, action: Action, relation: Relation) -> bool {
        self.decide(action, None, relation) == Decision::Allow
    }

    /// What the policy says to an action, on a task of this visibility or elsewhere.
    pub(super) fn decide(&self, action: Action, task: Option<Visibility>, relation: Relation) -> Decision {
        decide_within(self.scopes, action, self.roles, task, relation)
    }

    /// What this user is to another.
    pub(super) fn relation_to(&self, user: Uuid) -> Relation {
        Relation { self_: self.id == user, ..Relation::default() }
    }

    /// Which tasks the caller sees.
    pub(super) fn sight(&self) -> Sight {
        Sight::of(self.id, self.roles)
    }
}

impl FromRequestParts<ReadApi> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ReadApi) -> Result<Self, Problem> {
        let principal = <Principal as FromRequestParts<ReadApi>>::from_request_parts(parts, api).await?;
        let claimed: RoleSet = principal.roles.iter().filter_map(|word| word.parse::<Role>().ok()).collect();
        let scopes = principal.scopes.as_ref();
        let scopes = scopes.map(|words| words.iter().filter_map(|word| word.parse().ok()).collect());
        let roles = match api.standings.of(principal.user_id).await.map_err(unread)? {
            Standing::Unknown => claimed,
            Standing::Active(held) => claimed.iter().filter(|role| held.has(*role)).collect(),
            Standing::Deactivated => return Err(TokenError::Stale.into()),
        };
        Ok(Self { id: principal.user_id, roles, scopes })
    }
}
