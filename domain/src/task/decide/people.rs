//! Assignees and watchers.

use super::{Decided, unique};
use crate::{
    ids::UserId,
    task::{
        AssigneeEntry, Task, TaskContext, TaskError, TaskEvent, WatcherEntry,
        rules::Rules,
        values::{MAX_ASSIGNEES, MAX_WATCHERS},
    },
};

impl Task {
    pub(super) fn assign(&self, users: &[UserId], context: &TaskContext) -> Decided {
        let new = joining("assignees", &self.assignees, users, MAX_ASSIGNEES, context)?;
        Ok(new.into_iter().map(|assignee| TaskEvent::Assigned(AssigneeEntry { assignee })).collect())
    }

    pub(super) fn unassign(&self, users: &[UserId]) -> Decided {
        let leaving = self.assignees.iter().filter(|id| users.contains(id));
        Ok(leaving.map(|id| TaskEvent::Unassigned(AssigneeEntry { assignee: *id })).collect())
    }

    pub(super) fn watch(&self, users: &[UserId], context: &TaskContext) -> Decided {
        let new = joining("watchers", &self.watchers, users, MAX_WATCHERS, context)?;
        Ok(new.into_iter().map(|user| TaskEvent::Watched(WatcherEntry { user })).collect())
    }

    pub(super) fn unwatch(&self, users: &[UserId]) -> Decided {
        let leaving = self.watchers.iter().filter(|id| users.contains(id));
        Ok(leaving.map(|id| TaskEvent::Unwatched(WatcherEntry { user: *id })).collect())
    }
}

/// The users who are not there yet, if they are active and there is room.
fn joining(
    member: &'static str,
    present: &[UserId],
    users: &[UserId],
    max: usize,
    context: &TaskContext,
) -> Result<Vec<UserId>, TaskError> {
    let new = unique(users.iter().copied().filter(|id| !present.contains(id)), max);
    let mut rules = Rules::new(context);
    rules.at_most(member, present.len() + new.len(), max);
    rules.active(member, users, &new);
    rules.finish()?;
    Ok(new)
}
