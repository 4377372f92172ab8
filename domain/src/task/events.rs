//! What can have happened to a task. These shapes are a contract: stored for ever, published as they are.

use serde::{Deserialize, Serialize};

use super::values::{
    ChecklistText, Due, ExternalRef, Label, Markdown, Priority, Progress, Reason, Relation, Status, Title,
    Visibility,
};
use crate::{
    event::{Change, Nothing, events},
    ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId},
};

events! {
    /// One fact that became true.
    TaskEvent {
        /// A task came to be: waiting, progress 0.
        Created(Created) = "task.created" v "1",
        /// Another title.
        TitleChanged(Change<Title>) = "task.title_changed" v "1",
        /// Another description, or none.
        DescriptionChanged(DescriptionChanged) = "task.description_changed" v "1",
        /// Another priority.
        PriorityChanged(Change<Priority>) = "task.priority_changed" v "1",
        /// Another due day or time, or none. Version 1 had plain dates.
        DueChanged(Change<Option<Due>>) = "task.due_changed" v "2",
        /// One label more.
        LabelAdded(LabelEntry) = "task.label_added" v "1",
        /// One label less.
        LabelRemoved(LabelEntry) = "task.label_removed" v "1",
        /// Another parent, or none.
        ParentChanged(Change<Option<TaskId>>) = "task.parent_changed" v "1",
        /// Seen by others.
        VisibilityChanged(Change<Visibility>) = "task.visibility_changed" v "1",
        /// Another name in another system, or none.
        ExternalRefChanged(Change<Option<ExternalRef>>) = "task.external_ref_changed" v "1",
        /// One assignee more.
        Assigned(AssigneeEntry) = "task.assigned" v "1",
        /// One assignee less.
        Unassigned(AssigneeEntry) = "task.unassigned" v "1",
        /// One watcher more.
        Watched(WatcherEntry) = "task.watched" v "1",
        /// One watcher less.
        Unwatched(WatcherEntry) = "task.unwatched" v "1",
        /// Work began.
        Started(StatusChange) = "task.started" v "1",
        /// Work was held up.
        Held(StatusChange) = "task.held" v "1",
        /// Work goes on.
        Resumed(StatusChange) = "task.resumed" v "1",
        /// Done.
        Completed(StatusChange) = "task.completed" v "1",
        /// Given up.
        Cancelled(StatusChange) = "task.cancelled" v "1",
        /// Back to the beginning.
        Reopened(StatusChange) = "task.reopened" v "1",
        /// Another progress.
        ProgressChanged(Change<Progress>) = "task.progress_changed" v "1",
        /// A comment was written.
        Commented(Commented) = "task.commented" v "1",
        /// A comment's text was changed.
        CommentEdited(CommentEdited) = "task.comment_edited" v "1",
        /// A comment was taken away.
        CommentDeleted(CommentEntry) = "task.comment_deleted" v "1",
        /// One checklist item more, not done, at the end.
        ChecklistItemAdded(ChecklistItemText) = "task.checklist_item_added" v "1",
        /// A checklist item's text was changed.
        ChecklistItemRenamed(ChecklistItemRenamed) = "task.checklist_item_renamed" v "1",
        /// A checklist item is done.
        ChecklistItemChecked(ChecklistItemEntry) = "task.checklist_item_checked" v "1",
        /// A checklist item is not done after all.
        ChecklistItemUnchecked(ChecklistItemEntry) = "task.checklist_item_unchecked" v "1",
        /// One checklist item less.
        ChecklistItemRemoved(ChecklistItemText) = "task.checklist_item_removed" v "1",
        /// One relation more.
        RelationAdded(Relation) = "task.relation_added" v "1",
        /// One relation less.
        RelationRemoved(Relation) = "task.relation_removed" v "1",
        /// Deleted; gone for good 30 days after.
        Deleted(Nothing) = "task.deleted" v "1",
        /// Brought back.
        Undeleted(Nothing) = "task.undeleted" v "1",
        /// The content is what it was at an earlier version; the events after it, of the same command, say what that changed.
        RolledBack(RolledBack) = "task.rolled_back" v "1",
    }
}

/// Payload of `task.created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Created {
    /// The short name.
    pub key: TaskKey,
    /// Title.
    pub title: Title,
    /// Description.
    pub description: Option<Markdown>,
    /// Priority.
    pub priority: Priority,
    /// Due day or time.
    pub due: Option<Due>,
    /// Labels, each once, in the order given.
    pub labels: Vec<Label>,
    /// Assignees, each once, in the order given.
    pub assignees: Vec<UserId>,
    /// Who created it.
    pub creator: UserId,
    /// The task that this one is a part of.
    pub parent: Option<TaskId>,
    /// Its name in another system.
    pub external_ref: Option<ExternalRef>,
    /// Who may see it.
    pub visibility: Visibility,
}

/// Payload of `task.description_changed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DescriptionChanged {
    /// Sequence of the event that set the text before; none if there was none ever.
    pub from: Option<i64>,
    /// The new text.
    pub to: Option<Markdown>,
}

/// Payload of `task.label_added` and `task.label_removed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LabelEntry {
    /// The label.
    pub label: Label,
}

/// Payload of `task.assigned` and `task.unassigned`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AssigneeEntry {
    /// Who.
    pub assignee: UserId,
}

/// Payload of `task.watched` and `task.unwatched`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WatcherEntry {
    /// Who.
    pub user: UserId,
}

/// Payload of the six changes of status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct StatusChange {
    /// Before.
    pub from: Status,
    /// After.
    pub to: Status,
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Payload of `task.rolled_back`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RolledBack {
    /// The version whose content it is again.
    pub to: i64,
}

/// Payload of `task.commented`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Commented {
    /// The comment.
    pub comment: CommentId,
    /// Who wrote it.
    pub author: UserId,
    /// Its text.
    pub text: Markdown,
}

/// Payload of `task.comment_edited`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CommentEdited {
    /// The comment.
    pub comment: CommentId,
    /// Sequence of the event that set the text before.
    pub from: i64,
    /// The new text.
    pub to: Markdown,
}

/// Payload of `task.comment_deleted`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CommentEntry {
    /// The comment.
    pub comment: CommentId,
}

/// Payload of `task.checklist_item_added` and `task.checklist_item_removed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChecklistItemText {
    /// The item.
    pub item: ChecklistItemId,
    /// Its text.
    pub text: ChecklistText,
}

/// Payload of `task.checklist_item_renamed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChecklistItemRenamed {
    /// The item.
    pub item: ChecklistItemId,
    /// The text before.
    pub from: ChecklistText,
    /// The text after.
    pub to: ChecklistText,
}

/// Payload of `task.checklist_item_checked` and `task.checklist_item_unchecked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ChecklistItemEntry {
    /// The item.
    pub item: ChecklistItemId,
}
