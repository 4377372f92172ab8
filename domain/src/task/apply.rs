//! How each event changes the state. Trusts the log: an event that does not fit changes what it can.

use super::{
    ChecklistItem, Comment, Created, Task, TaskEvent,
    values::{ChecklistText, Markdown},
};
use crate::ids::{ChecklistItemId, CommentId, UserId};

impl Task {
    /// Takes one event in.
    pub(super) fn take(&mut self, event: TaskEvent) {
        self.version += 1;
        match event {
            TaskEvent::Created(created) => self.take_created(created),
            TaskEvent::TitleChanged(change) => self.title = Some(change.to),
            TaskEvent::DescriptionChanged(change) => {
                self.description = change.to;
                self.description_set_by = Some(self.version);
            }
            TaskEvent::PriorityChanged(change) => self.priority = change.to,
            TaskEvent::DueChanged(change) => self.due = change.to,
            TaskEvent::LabelAdded(entry) => insert(&mut self.labels, entry.label),
            TaskEvent::LabelRemoved(entry) => self.labels.retain(|label| *label != entry.label),
            TaskEvent::ParentChanged(change) => self.parent = change.to,
            TaskEvent::VisibilityChanged(change) => self.visibility = change.to,
            TaskEvent::ExternalRefChanged(change) => self.external_ref = change.to,
            TaskEvent::Assigned(entry) => insert(&mut self.assignees, entry.assignee),
            TaskEvent::Unassigned(entry) => self.assignees.retain(|id| *id != entry.assignee),
            TaskEvent::Watched(entry) => insert(&mut self.watchers, entry.user),
            TaskEvent::Unwatched(entry) => self.watchers.retain(|id| *id != entry.user),
            TaskEvent::Started(change)
            | TaskEvent::Held(change)
            | TaskEvent::Resumed(change)
            | TaskEvent::Completed(change)
            | TaskEvent::Cancelled(change)
            | TaskEvent::Reopened(change) => self.status = change.to,
            TaskEvent::ProgressChanged(change) => self.progress = change.to,
            TaskEvent::Commented(written) => {
                self.take_comment(written.comment, written.author, &written.text)
            }
            TaskEvent::CommentEdited(edited) => self.take_comment_text(edited.comment, &edited.to),
            TaskEvent::CommentDeleted(entry) => {
                self.comments.remove(&entry.comment);
            }
            TaskEvent::ChecklistItemAdded(item) => {
                self.checklist.push(ChecklistItem { id: item.item, text: item.text, done: false });
            }
            TaskEvent::ChecklistItemRenamed(renamed) => self.take_item_text(renamed.item, renamed.to),
            TaskEvent::ChecklistItemChecked(entry) => self.take_item_done(entry.item, true),
            TaskEvent::ChecklistItemUnchecked(entry) => self.take_item_done(entry.item, false),
            TaskEvent::ChecklistItemRemoved(item) => self.checklist.retain(|other| other.id != item.item),
            TaskEvent::RelationAdded(relation) => insert(&mut self.relations, relation),
            TaskEvent::RelationRemoved(relation) => self.relations.retain(|other| *other != relation),
            TaskEvent::Deleted(_) => self.deleted = true,
            TaskEvent::Undeleted(_) => {
                self.deleted = false;
                self.delete_time = None;
            }
            TaskEvent::RolledBack(_) => {}
        }
    }

    fn take_created(&mut self, created: Created) {
        self.key = Some(created.key);
        self.title = Some(created.title);
        self.description_set_by = created.description.is_some().then_some(self.version);
        self.description = created.description;
        self.priority = created.priority;
        self.due = created.due;
        self.labels = created.labels;
        self.assignees = created.assignees;
        self.creator = Some(created.creator);
        self.parent = created.parent;
        self.external_ref = created.external_ref;
        self.visibility = created.visibility;
    }

    fn take_comment(&mut self, id: CommentId, author: UserId, text: &Markdown) {
        self.comments.insert(id, Comment { author, digest: text.digest(), set_by: self.version });
    }

    fn take_comment_text(&mut self, id: CommentId, text: &Markdown) {
        if let Some(comment) = self.comments.get_mut(&id) {
            comment.digest = text.digest();
            comment.set_by = self.version;
        }
    }

    fn take_item_text(&mut self, id: ChecklistItemId, text: ChecklistText) {
        if let Some(item) = self.checklist.iter_mut().find(|item| item.id == id) {
            item.text = text;
        }
    }

    fn take_item_done(&mut self, id: ChecklistItemId, done: bool) {
        if let Some(item) = self.checklist.iter_mut().find(|item| item.id == id) {
            item.done = done;
        }
    }
}

fn insert<T: PartialEq>(set: &mut Vec<T>, entry: T) {
    if !set.contains(&entry) {
        set.push(entry);
    }
}
