//! Which events somebody gets: what they ask for, as far as they may see it.

use std::{sync::Arc, time::Instant};

use domain::{
    event::EventPattern,
    filter::{EventFacts, Filter, Subject, TaskFacts},
    ids::UserId,
    policy::{RoleSet, ScopeSet, Streamed, is_streamed, may_stream},
};
use event_store::{LogError, envelope::Envelope};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Following;

/// What somebody asks for; what is not said is not asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Interest {
    /// Events of any of these types; empty: of all.
    pub(crate) types: Vec<EventPattern>,
    /// Events of this aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aggregate: Option<Uuid>,
    /// What this user has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<UserId>,
    /// Events that this is true of, with their task as it was after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Filter>,
}

impl Interest {
    fn names(&self, event: &Envelope) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&event.event_type)))
            && self.aggregate.is_none_or(|id| id == event.aggregate_id)
            && self.actor.is_none_or(|actor| event.actor_id == Some(actor))
    }
}

/// Somebody, what they ask for and what they may see.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) user: UserId,
    pub(crate) roles: RoleSet,
    pub(crate) scopes: Option<ScopeSet>,
    pub(crate) interest: Interest,
    /// When they came: what was seen of tasks before may not count against them.
    pub(crate) since: Instant,
}

impl Selection {
    /// Whether they get this event: rights are judged on the task as it stands now, the filter on what it was then.
    pub(crate) async fn takes(&self, following: &Following, event: &Arc<Envelope>) -> Result<bool, LogError> {
        if !is_streamed(&event.aggregate_type) || !self.interest.names(event) {
            return Ok(false);
        }
        if !self.sees(following, event).await? {
            return Ok(false);
        }
        if self.interest.filter.is_none() || event.aggregate_type != "task" {
            return Ok(self.fits(event, None));
        }
        let then = Box::pin(following.tasks.after(event)).await?;
        Ok(self.fits(event, Some(TaskFacts::from(&*then))))
    }

    /// Whether they may see it, whatever they ask for.
    pub(crate) async fn sees(&self, following: &Following, event: &Envelope) -> Result<bool, LogError> {
        if event.aggregate_type != "task" {
            return Ok(self.may_see(Streamed::User(UserId(event.aggregate_id))));
        }
        let now = following.tasks.now_since(event.aggregate_id, event.version, Some(self.since)).await?;
        Ok(self.may_see(Streamed::Task(&now)))
    }

    fn may_see(&self, of: Streamed<'_>) -> bool {
        may_stream(self.user, self.roles, self.scopes, of)
    }

    fn fits(&self, event: &Envelope, task: Option<TaskFacts<'_>>) -> bool {
        let facts = EventFacts { event_type: &event.event_type, actor: event.actor_id };
        let subject = Subject { task, event: Some(facts), me: Some(self.user) };
        self.interest.filter.as_ref().is_none_or(|filter| filter.matches(&subject))
    }
}
