//! Which events leave through streams and webhooks, and to whom.

use super::{Action, Decision, Relation, RoleSet, ScopeSet, decide_within};
use crate::{ids::UserId, task::Task};

/// What an event is of, as it stands.
#[derive(Clone, Copy, Debug)]
pub enum Streamed<'a> {
    /// A task.
    Task(&'a Task),
    /// A user.
    User(UserId),
}

/// Whether events of aggregates of this kind leave at all: what happens to tasks and to users.
pub fn is_streamed(aggregate_type: &str) -> bool {
    matches!(aggregate_type, "task" | "user")
}

/// Whether this user, with these roles and within these scopes, may have events streamed and may see what this one is of.
pub fn may_stream(user: UserId, roles: RoleSet, scopes: Option<ScopeSet>, of: Streamed<'_>) -> bool {
    let may =
        |action, task, relation| decide_within(scopes, action, roles, task, relation) == Decision::Allow;
    let sees = match of {
        Streamed::Task(task) => may(Action::TaskRead, Some(task.visibility), relation(user, task)),
        Streamed::User(id) => {
            may(Action::UserHistory, None, Relation { self_: id == user, ..Relation::default() })
        }
    };
    sees && may(Action::EventStream, None, Relation::default())
}

fn relation(user: UserId, task: &Task) -> Relation {
    Relation {
        creator: task.creator == Some(user),
        assignee: task.assignees.contains(&user),
        watcher: task.watchers.contains(&user),
        ..Relation::default()
    }
}
