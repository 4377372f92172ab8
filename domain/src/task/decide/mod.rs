//! How a task decides: state, command, context → events or refusal. No events = already so.

mod checklist;
mod comments;
mod create;
mod edit;
mod people;
mod relations;
mod rollback;
mod status;

use super::{Task, TaskCommand, TaskContext, TaskError, TaskEvent};
use crate::event::Nothing;

/// What a decision gives.
pub(super) type Decided = Result<Vec<TaskEvent>, TaskError>;

impl Task {
    /// Decides one command; also checks that the actor may ask for it.
    pub fn decide(&self, command: TaskCommand, context: &TaskContext) -> Decided {
        command.authorise(self, &context.actor)?;
        match command {
            TaskCommand::Create(create) => self.create(*create, context),
            TaskCommand::Edit(edit) => self.edit(*edit, context),
            TaskCommand::Transition { transition, reason } => self.transition(transition, reason),
            TaskCommand::Assign { assignees } => self.assign(&assignees, context),
            TaskCommand::Unassign { assignees } => self.unassign(&assignees),
            TaskCommand::SetProgress { progress } => self.set_progress(progress),
            TaskCommand::Watch { watchers } => self.watch(&watchers, context),
            TaskCommand::Unwatch { watchers } => self.unwatch(&watchers),
            TaskCommand::AddComment { comment, text } => self.add_comment(comment, text, context),
            TaskCommand::EditComment { comment, text } => self.edit_comment(comment, text),
            TaskCommand::DeleteComment { comment } => self.delete_comment(comment),
            TaskCommand::AddChecklistItem { item, text } => self.add_checklist_item(item, text),
            TaskCommand::EditChecklistItem { item, text, done } => self.edit_checklist_item(item, text, done),
            TaskCommand::RemoveChecklistItem { item } => self.remove_checklist_item(item),
            TaskCommand::AddRelation(relation) => self.add_relation(relation, context),
            TaskCommand::RemoveRelation(relation) => self.remove_relation(relation),
            TaskCommand::Delete => Ok(vec![TaskEvent::Deleted(Nothing {})]),
            TaskCommand::Undelete => self.undelete(context),
            TaskCommand::RollBack { version } => self.roll_back(version, context),
        }
    }

    fn undelete(&self, context: &TaskContext) -> Decided {
        if self.purge_time().is_some_and(|gone| gone <= context.now) {
            return Err(TaskError::NotFound);
        }
        if !self.deleted {
            return Err(TaskError::NotDeleted);
        }
        Ok(vec![TaskEvent::Undeleted(Nothing {})])
    }
}

/// The entries without repetitions, in order; `max` + 1 at most, which is enough to see that they are too many.
fn unique<T: PartialEq>(entries: impl IntoIterator<Item = T>, max: usize) -> Vec<T> {
    let mut unique = Vec::new();
    for entry in entries {
        if unique.len() <= max && !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    unique
}
