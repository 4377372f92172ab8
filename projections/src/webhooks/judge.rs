//! Who may see what, and whether an endpoint wants it.

use std::fmt;

use domain::{
    ids::UserId,
    policy::{Streamed, is_streamed, may_stream},
    task::Task,
    user::User,
};
use event_store::{Log, LogError, envelope::Envelope, past::Past};

use super::Endpoint;

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
        is_streamed(&event.aggregate_type)
    }

    /// Whether the endpoint is to get the event: it asks for it, and its owner may see it as it was then.
    pub(crate) async fn wants(&self, endpoint: &Endpoint, event: &Envelope) -> Result<bool, LogError> {
        if !Self::is_public(event) || !endpoint.names(&event.event_type) {
            return Ok(false);
        }
        let owner = self.users.now(endpoint.owner.0, 0).await?;
        let task = if is_of_task(event) { Some(self.tasks.after(event).await?) } else { None };
        Ok(sees(endpoint.owner, &owner, event, task.as_deref())
            && endpoint.filters_in(event, task.as_deref()))
    }

    /// Whether its owner may still see the event.
    pub(crate) async fn still_sees(&self, endpoint: &Endpoint, event: &Envelope) -> Result<bool, LogError> {
        let owner = self.users.now(endpoint.owner.0, 0).await?;
        // It may be the very event that let the owner in.
        let task = match is_of_task(event) {
            true => Some(self.tasks.now(event.aggregate_id, event.version).await?),
            false => None,
        };
        Ok(sees(endpoint.owner, &owner, event, task.as_deref()))
    }
}

fn is_of_task(event: &Envelope) -> bool {
    event.aggregate_type == "task"
}

/// `task` is that of the event, if it is of a task.
fn sees(id: UserId, owner: &User, event: &Envelope, task: Option<&Task>) -> bool {
    let of = task.map_or(Streamed::User(UserId(event.aggregate_id)), Streamed::Task);
    may_stream(id, owner.effective_roles(), owner.service_scopes, of)
}
