//! What a notice tells.

use serde::{Deserialize, Serialize};

use super::{FieldChange, changes::changes};
use crate::{
    ids::{EventId, TaskId, TaskKey, UserId},
    task::{
        Task, TaskEvent,
        values::{Markdown, Title},
    },
    time::Timestamp,
};

/// What happened to a task, in ids and facts: words and names are found for each reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// The event.
    pub event: EventId,
    /// Its type without the version.
    pub trigger: String,
    /// The task.
    pub task: TaskId,
    /// The task's short name.
    pub key: TaskKey,
    /// What the task was called then.
    pub title: Title,
    /// Who acted; none for the system.
    pub actor: Option<UserId>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What changed.
    pub changes: Vec<FieldChange>,
}

impl Happening {
    /// What an event has made of a task; none of what is no task.
    pub fn of(
        event: EventId,
        fact: &TaskEvent,
        (id, task): (TaskId, &Task),
        actor: Option<UserId>,
        occurred_at: Timestamp,
    ) -> Option<Self> {
        Some(Self {
            event,
            trigger: fact.stored_type().0.to_owned(),
            task: id,
            key: task.key?,
            title: task.title.clone()?,
            actor,
            occurred_at,
            changes: changes(fact),
        })
    }

    /// Everybody whose name is told.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        self.actor.into_iter().chain(self.changes.iter().flat_map(FieldChange::people))
    }
}

/// Whom the event assigned or unassigned.
pub fn subjects(fact: &TaskEvent) -> Vec<UserId> {
    match fact {
        TaskEvent::Created(task) => task.assignees.clone(),
        TaskEvent::Assigned(entry) | TaskEvent::Unassigned(entry) => vec![entry.assignee],
        _ => Vec::new(),
    }
}

/// The text in which people may be named.
pub fn comment(fact: &TaskEvent) -> Option<&Markdown> {
    match fact {
        TaskEvent::Commented(comment) => Some(&comment.text),
        TaskEvent::CommentEdited(comment) => Some(&comment.to),
        _ => None,
    }
}
