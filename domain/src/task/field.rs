//! Which parts of a task commands and events touch, for merging (`base_version`).

use std::{collections::BTreeSet, fmt};

use super::{Content, TaskCommand, TaskEvent};
use crate::{
    ids::{ChecklistItemId, CommentId, UserId},
    task::values::Relation,
};

/// A part of a task that changes as one. `Display` is the wire word: `title`, `comments/<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Title.
    Title,
    /// Description.
    Description,
    /// Priority.
    Priority,
    /// Due day or time.
    Due,
    /// The set of labels.
    Labels,
    /// Parent.
    Parent,
    /// Name in another system.
    ExternalRef,
    /// Visibility.
    Visibility,
    /// Status.
    Status,
    /// Progress.
    Progress,
    /// Whether it is deleted.
    Deleted,
    /// One assignee.
    Assignee(UserId),
    /// One watcher.
    Watcher(UserId),
    /// One comment.
    Comment(CommentId),
    /// One checklist item.
    ChecklistItem(ChecklistItemId),
    /// One relation.
    Relation(Relation),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title => f.write_str("title"),
            Self::Description => f.write_str("description"),
            Self::Priority => f.write_str("priority"),
            Self::Due => f.write_str("due"),
            Self::Labels => f.write_str("labels"),
            Self::Parent => f.write_str("parent"),
            Self::ExternalRef => f.write_str("external_ref"),
            Self::Visibility => f.write_str("visibility"),
            Self::Status => f.write_str("status"),
            Self::Progress => f.write_str("progress"),
            Self::Deleted => f.write_str("deleted"),
            Self::Assignee(id) => write!(f, "assignees/{id}"),
            Self::Watcher(id) => write!(f, "watchers/{id}"),
            Self::Comment(id) => write!(f, "comments/{id}"),
            Self::ChecklistItem(id) => write!(f, "checklist/{id}"),
            Self::Relation(relation) => write!(f, "relations/{}/{}", relation.kind, relation.task),
        }
    }
}

impl TaskEvent {
    /// The field that this event changed; none for the creation, which no later command can overlap, and for a rollback, whose
    /// other events say what it changed.
    pub fn field(&self) -> Option<Field> {
        Some(match self {
            Self::Created(_) | Self::RolledBack(_) => return None,
            Self::TitleChanged(_) => Field::Title,
            Self::DescriptionChanged(_) => Field::Description,
            Self::PriorityChanged(_) => Field::Priority,
            Self::DueChanged(_) => Field::Due,
            Self::LabelAdded(_) | Self::LabelRemoved(_) => Field::Labels,
            Self::ParentChanged(_) => Field::Parent,
            Self::VisibilityChanged(_) => Field::Visibility,
            Self::ExternalRefChanged(_) => Field::ExternalRef,
            Self::Assigned(entry) | Self::Unassigned(entry) => Field::Assignee(entry.assignee),
            Self::Watched(entry) | Self::Unwatched(entry) => Field::Watcher(entry.user),
            Self::Started(_)
            | Self::Held(_)
            | Self::Resumed(_)
            | Self::Completed(_)
            | Self::Cancelled(_)
            | Self::Reopened(_) => Field::Status,
            Self::ProgressChanged(_) => Field::Progress,
            Self::Commented(written) => Field::Comment(written.comment),
            Self::CommentEdited(edited) => Field::Comment(edited.comment),
            Self::CommentDeleted(entry) => Field::Comment(entry.comment),
            Self::ChecklistItemAdded(item) | Self::ChecklistItemRemoved(item) => {
                Field::ChecklistItem(item.item)
            }
            Self::ChecklistItemRenamed(renamed) => Field::ChecklistItem(renamed.item),
            Self::ChecklistItemChecked(entry) | Self::ChecklistItemUnchecked(entry) => {
                Field::ChecklistItem(entry.item)
            }
            Self::RelationAdded(relation) | Self::RelationRemoved(relation) => Field::Relation(*relation),
            Self::Deleted(_) | Self::Undeleted(_) => Field::Deleted,
        })
    }
}

impl TaskCommand {
    /// The fields that this command may change; a rollback also any checklist item.
    pub fn fields(&self) -> BTreeSet<Field> {
        match self {
            Self::Create(_) => BTreeSet::new(),
            Self::Edit(edit) => edit.fields().into_iter().flatten().collect(),
            Self::Transition { .. } => BTreeSet::from([Field::Status]),
            Self::Assign { assignees } | Self::Unassign { assignees } => {
                assignees.iter().copied().map(Field::Assignee).collect()
            }
            Self::SetProgress { .. } => BTreeSet::from([Field::Progress]),
            Self::Watch { watchers } | Self::Unwatch { watchers } => {
                watchers.iter().copied().map(Field::Watcher).collect()
            }
            Self::AddComment { comment, .. }
            | Self::EditComment { comment, .. }
            | Self::DeleteComment { comment } => BTreeSet::from([Field::Comment(*comment)]),
            Self::AddChecklistItem { item, .. }
            | Self::EditChecklistItem { item, .. }
            | Self::RemoveChecklistItem { item } => BTreeSet::from([Field::ChecklistItem(*item)]),
            Self::AddRelation(relation) | Self::RemoveRelation(relation) => {
                BTreeSet::from([Field::Relation(*relation)])
            }
            Self::Delete | Self::Undelete => BTreeSet::from([Field::Deleted]),
            Self::RollBack { .. } => BTreeSet::from(Content::FIELDS),
        }
    }

    /// Whether this command may change the field.
    pub fn touches(&self, field: &Field) -> bool {
        let rolls_back = matches!(self, Self::RollBack { .. });
        if rolls_back { Content::has(field) } else { self.fields().contains(field) }
    }
}

impl super::EditTask {
    fn fields(&self) -> [Option<Field>; 8] {
        [
            self.title.is_some().then_some(Field::Title),
            self.description.is_some().then_some(Field::Description),
            self.priority.is_some().then_some(Field::Priority),
            self.due.is_some().then_some(Field::Due),
            self.labels.is_some().then_some(Field::Labels),
            self.parent.is_some().then_some(Field::Parent),
            self.external_ref.is_some().then_some(Field::ExternalRef),
            self.visibility.is_some().then_some(Field::Visibility),
        ]
    }
}
