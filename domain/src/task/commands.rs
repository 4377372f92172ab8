//! What can be asked of a task.

use super::values::{
    ChecklistText, Due, ExternalRef, Label, Markdown, Priority, Progress, Reason, Relation, Title,
    Transition, Visibility,
};
use crate::ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId};

/// One wish. All values are parsed, all ids made by the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskCommand {
    /// Create; the actor is the creator.
    Create(Box<CreateTask>),
    /// Change fields; those that are `None` stay.
    Edit(Box<EditTask>),
    /// Start, hold, resume, complete, cancel, reopen.
    Transition {
        /// Which.
        transition: Transition,
        /// Why, if said.
        reason: Option<Reason>,
    },
    /// Add assignees; those who are already stay.
    Assign {
        /// Whom.
        assignees: Vec<UserId>,
    },
    /// Take assignees away; others are passed over.
    Unassign {
        /// Whom.
        assignees: Vec<UserId>,
    },
    /// Set the progress.
    SetProgress {
        /// To what.
        progress: Progress,
    },
    /// Add watchers: oneself, or others if one may assign.
    Watch {
        /// Whom.
        watchers: Vec<UserId>,
    },
    /// Take watchers away: oneself, or others if one may assign.
    Unwatch {
        /// Whom.
        watchers: Vec<UserId>,
    },
    /// Write a comment.
    AddComment {
        /// Its new id; the same id, author and text again is "already so".
        comment: CommentId,
        /// Its text.
        text: Markdown,
    },
    /// Change a comment's text.
    EditComment {
        /// Which.
        comment: CommentId,
        /// To what.
        text: Markdown,
    },
    /// Take a comment away.
    DeleteComment {
        /// Which.
        comment: CommentId,
    },
    /// Add a checklist item at the end.
    AddChecklistItem {
        /// Its new id; the same id and text again is "already so".
        item: ChecklistItemId,
        /// Its text.
        text: ChecklistText,
    },
    /// Change a checklist item: text, done or both.
    EditChecklistItem {
        /// Which.
        item: ChecklistItemId,
        /// Its new text, if it changes.
        text: Option<ChecklistText>,
        /// Check or uncheck, if wanted.
        done: Option<bool>,
    },
    /// Take a checklist item away.
    RemoveChecklistItem {
        /// Which.
        item: ChecklistItemId,
    },
    /// Link to another task.
    AddRelation(Relation),
    /// Cut a link that this task keeps.
    RemoveRelation(Relation),
    /// Delete.
    Delete,
    /// Bring back.
    Undelete,
    /// Set the content back.
    RollBack {
        /// To what it was at this version.
        version: i64,
    },
}

impl TaskCommand {
    /// Where it names another task.
    pub fn other_task_mut(&mut self) -> Option<&mut TaskId> {
        match self {
            Self::Create(create) => create.parent.as_mut(),
            Self::Edit(edit) => edit.parent.as_mut()?.as_mut(),
            Self::AddRelation(relation) | Self::RemoveRelation(relation) => Some(&mut relation.task),
            Self::Transition { .. }
            | Self::Assign { .. }
            | Self::Unassign { .. }
            | Self::SetProgress { .. }
            | Self::Watch { .. }
            | Self::Unwatch { .. }
            | Self::AddComment { .. }
            | Self::EditComment { .. }
            | Self::DeleteComment { .. }
            | Self::AddChecklistItem { .. }
            | Self::EditChecklistItem { .. }
            | Self::RemoveChecklistItem { .. }
            | Self::Delete
            | Self::Undelete
            | Self::RollBack { .. } => None,
        }
    }
}

/// Data of a create; everything but key and title has a default.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTask {
    /// A number never used before.
    pub key: TaskKey,
    /// Title.
    pub title: Title,
    /// Description.
    pub description: Option<Markdown>,
    /// Priority.
    pub priority: Priority,
    /// Due day or time.
    pub due: Option<Due>,
    /// Labels; a label given twice counts once.
    pub labels: Vec<Label>,
    /// Assignees; one given twice counts once.
    pub assignees: Vec<UserId>,
    /// The task that this one is a part of.
    pub parent: Option<TaskId>,
    /// Its name in another system; the claim is the caller's.
    pub external_ref: Option<ExternalRef>,
    /// Who may see it.
    pub visibility: Visibility,
}

impl CreateTask {
    /// A create with every default.
    pub fn new(key: TaskKey, title: Title) -> Self {
        Self {
            key,
            title,
            description: None,
            priority: Priority::default(),
            due: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            parent: None,
            external_ref: None,
            visibility: Visibility::default(),
        }
    }
}

/// Fields to change: outer `None` keeps, inner `None` clears.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EditTask {
    /// Title.
    pub title: Option<Title>,
    /// Description.
    pub description: Option<Option<Markdown>>,
    /// Priority.
    pub priority: Option<Priority>,
    /// Due day or time.
    pub due: Option<Option<Due>>,
    /// The whole set of labels.
    pub labels: Option<Vec<Label>>,
    /// The task that this one is a part of.
    pub parent: Option<Option<TaskId>>,
    /// The name in another system; the claim is the caller's.
    pub external_ref: Option<Option<ExternalRef>>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
}
