//! Which facts a command needs: asked again and again until nothing is missing.

use super::{
    CreateTask, EditTask, Facts, Needs, Task, TaskCommand,
    graph::{Link, Trace, trace},
};
use crate::ids::{TaskId, UserId};

impl TaskCommand {
    /// The facts still missing before deciding. Load them (absent ones as `None`) and ask again until it is empty: links
    /// are followed one step a time, at most some hundred tasks in all.
    pub fn needs(&self, task: &Task, id: TaskId, facts: &Facts) -> Needs {
        match self {
            Self::Create(create) => create.needs(id, facts),
            Self::Edit(edit) => edit.needs(task, id, facts),
            Self::Assign { assignees } => users_missing(facts, without(assignees, &task.assignees)),
            Self::Watch { watchers } => users_missing(facts, without(watchers, &task.watchers)),
            Self::AddRelation(relation) => {
                link_missing(facts, Link::Relation(relation.kind), relation.task, id)
            }
            Self::RollBack { version } => {
                let missing = (1..task.version).contains(version) && !facts.contents.contains_key(version);
                Needs { version: missing.then_some(*version), ..Needs::default() }
            }
            Self::Transition { .. }
            | Self::Unassign { .. }
            | Self::SetProgress { .. }
            | Self::Unwatch { .. }
            | Self::AddComment { .. }
            | Self::EditComment { .. }
            | Self::DeleteComment { .. }
            | Self::AddChecklistItem { .. }
            | Self::EditChecklistItem { .. }
            | Self::RemoveChecklistItem { .. }
            | Self::RemoveRelation(_)
            | Self::Delete
            | Self::Undelete => Needs::default(),
        }
    }
}

impl CreateTask {
    fn needs(&self, id: TaskId, facts: &Facts) -> Needs {
        let mut needs = users_missing(facts, self.assignees.iter().copied());
        if let Some(parent) = self.parent {
            needs.tasks = link_missing(facts, Link::Parent, parent, id).tasks;
        }
        needs
    }
}

impl EditTask {
    fn needs(&self, task: &Task, id: TaskId, facts: &Facts) -> Needs {
        let new = self.parent.flatten().filter(|parent| task.parent != Some(*parent));
        new.map_or_else(Needs::default, |parent| link_missing(facts, Link::Parent, parent, id))
    }
}

fn without<'a>(named: &'a [UserId], present: &'a [UserId]) -> impl Iterator<Item = UserId> + 'a {
    named.iter().copied().filter(|user| !present.contains(user))
}

fn users_missing(facts: &Facts, users: impl Iterator<Item = UserId>) -> Needs {
    let users = users.filter(|user| !facts.users.contains_key(user)).collect();
    Needs { users, ..Needs::default() }
}

fn link_missing(facts: &Facts, link: Link, start: TaskId, goal: TaskId) -> Needs {
    match trace(facts, link, start, goal) {
        Trace::Missing(tasks) => Needs { tasks, ..Needs::default() },
        Trace::Apart | Trace::Reached | Trace::TooLong { .. } => Needs::default(),
    }
}
