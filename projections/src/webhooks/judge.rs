//! Who may see what, and whether an endpoint wants it.

use std::fmt;

use domain::{
    ids::UserId,
    policy::{Action, Decision, Relation, decide_within},
    task::Task,
    user::User,
};
use event_store::{Log, LogError, envelope::Envelope};

use super::Endpoint;
use crate::past::Past;

/// Judges by what the log says: tasks as they stood after an event or stand now, owners as they stand now.
pub(crate) struct Judge {
    tasks: Past<Task>,
    users: Past<User>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl Judge {
    pub(crate) fn new(log: &Log) -> Self {
        Self { tasks: Past::new(log.clone()), users: Past::new(log.clone()) }
    }

    /// Whether there are webhooks for such events at all: what happens to tasks and to users.
    pub(crate) fn is_public(event: &Envelope) -> bool {
        matches!(event.aggregate_type.as_str(), "task" | "user")
    }

    /// Whether the endpoint is to get the event: it asks for it, and its owner may see it as it was then.
    pub(crate) async fn wants(&self, endpoint: &Endpoint, event: &Envelope) -> Result<bool, LogError> {
        if !Self::is_public(event) || !endpoint.names(&event.event_type) {
            return Ok(false);
        }
        let owner = self.users.now(endpoint.owner.0).await?;
        let task = if is_of_task(event) { Some(self.tasks.after(event).await?) } else { None };
        Ok(sees(endpoint.owner, &owner, event, task.as_deref())
            && endpoint.filters_in(event, task.as_deref()))
    }

    /// Whether its owner may still see the event.
    pub(crate) async fn still_sees(&self, endpoint: &Endpoint, event: &Envelope) -> Result<bool, LogError> {
        let owner = self.users.now(endpoint.owner.0).await?;
        let task = if is_of_task(event) { Some(self.tasks.now(event.aggregate_id).await?) } else { None };
        Ok(sees(endpoint.owner, &owner, event, task.as_deref()))
    }
}

fn is_of_task(event: &Envelope) -> bool {
    event.aggregate_type == "task"
}

/// The policy about streams, and about what the event is of.
fn sees(id: UserId, owner: &User, event: &Envelope, task: Option<&Task>) -> bool {
    let may = |action, task: Option<&Task>, relation| {
        let visibility = task.map(|task| task.visibility);
        decide_within(owner.service_scopes, action, owner.effective_roles(), visibility, relation)
            == Decision::Allow
    };
    let (action, relation) = match task {
        Some(task) => (Action::TaskRead, relation(id, task)),
        None => {
            let self_ = event.aggregate_id == id.0;
            (Action::UserHistory, Relation { self_, ..Relation::default() })
        }
    };
    may(Action::EventStream, None, Relation::default()) && may(action, task, relation)
}

fn relation(user: UserId, task: &Task) -> Relation {
    Relation {
        creator: task.creator == Some(user),
        assignee: task.assignees.contains(&user),
        watcher: task.watchers.contains(&user),
        ..Relation::default()
    }
}
