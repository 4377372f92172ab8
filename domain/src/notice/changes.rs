//! What an event changed, as far as a notice tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ids::UserId,
    task::{Created, TaskEvent, values::Priority},
};

/// Of a long text only the beginning is told (characters).
const EXCERPT: usize = 1_000;
/// Fields whose values are people.
const PEOPLE: [&str; 2] = ["assignees", "watchers"];

/// A part of the task before and after; people by their ids. A text that another event has set is not repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which part: `status`, `assignees`, `comments`.
    pub field: String,
    /// Before.
    pub old: Value,
    /// After.
    pub new: Value,
}

impl FieldChange {
    fn new(field: &str, old: impl Serialize, new: impl Serialize) -> Self {
        Self { field: field.to_owned(), old: json(old), new: json(new) }
    }

    /// What a part of the task is, where nothing has changed it.
    pub(super) fn told(field: &str, value: impl Serialize) -> Self {
        Self::new(field, NONE, value)
    }

    /// The people it is about.
    pub fn people(&self) -> impl Iterator<Item = UserId> {
        let named = PEOPLE.contains(&self.field.as_str());
        let ids = [&self.old, &self.new].into_iter().filter(move |_| named);
        ids.filter_map(|value| value.as_str()?.parse().ok())
    }
}

const NONE: Value = Value::Null;

/// One match without a default, so that a new event cannot be forgotten here.
pub(super) fn changes(fact: &TaskEvent) -> Vec<FieldChange> {
    let one = |field, old, new| vec![FieldChange { field: String::from(field), old, new }];
    match fact {
        TaskEvent::Created(task) => created(task),
        TaskEvent::TitleChanged(title) => one("title", json(&title.from), json(&title.to)),
        TaskEvent::DescriptionChanged(text) => one("description", NONE, excerpt(text.to.as_ref())),
        TaskEvent::PriorityChanged(change) => one("priority", json(change.from), json(change.to)),
        TaskEvent::DueChanged(due) => one("due", json(due.from), json(due.to)),
        TaskEvent::LabelAdded(entry) => one("labels", NONE, json(&entry.label)),
        TaskEvent::LabelRemoved(entry) => one("labels", json(&entry.label), NONE),
        TaskEvent::ParentChanged(change) => one("parent", json(change.from), json(change.to)),
        TaskEvent::VisibilityChanged(change) => one("visibility", json(change.from), json(change.to)),
        TaskEvent::ExternalRefChanged(change) => one("external_ref", json(&change.from), json(&change.to)),
        TaskEvent::Assigned(entry) => one("assignees", NONE, json(entry.assignee)),
        TaskEvent::Unassigned(entry) => one("assignees", json(entry.assignee), NONE),
        TaskEvent::Watched(entry) => one("watchers", NONE, json(entry.user)),
        TaskEvent::Unwatched(entry) => one("watchers", json(entry.user), NONE),
        TaskEvent::Started(status)
        | TaskEvent::Held(status)
        | TaskEvent::Resumed(status)
        | TaskEvent::Completed(status)
        | TaskEvent::Cancelled(status)
        | TaskEvent::Reopened(status) => {
            let mut told = one("status", json(status.from), json(status.to));
            told.extend(status.reason.as_ref().map(|reason| FieldChange::new("reason", NONE, reason)));
            told
        }
        TaskEvent::ProgressChanged(progress) => one("progress", json(progress.from), json(progress.to)),
        TaskEvent::Commented(comment) => one("comments", NONE, excerpt(Some(&comment.text))),
        TaskEvent::CommentEdited(comment) => one("comments", NONE, excerpt(Some(&comment.to))),
        TaskEvent::CommentDeleted(_) => one("comments", NONE, NONE),
        TaskEvent::ChecklistItemAdded(item) => one("checklist", NONE, json(&item.text)),
        TaskEvent::ChecklistItemRenamed(item) => one("checklist", json(&item.from), json(&item.to)),
        TaskEvent::ChecklistItemChecked(_) => one("checklist", json(false), json(true)),
        TaskEvent::ChecklistItemUnchecked(_) => one("checklist", json(true), json(false)),
        TaskEvent::ChecklistItemRemoved(item) => one("checklist", json(&item.text), NONE),
        TaskEvent::RelationAdded(relation) => one("relations", NONE, json(relation)),
        TaskEvent::RelationRemoved(relation) => one("relations", json(relation), NONE),
        TaskEvent::Deleted(_) => one("deleted", json(false), json(true)),
        TaskEvent::Undeleted(_) => one("deleted", json(true), json(false)),
        TaskEvent::RolledBack(rollback) => one("rolled_back_to", NONE, json(rollback.to)),
    }
}

/// Who is assigned, and what else is out of the ordinary.
fn created(task: &Created) -> Vec<FieldChange> {
    let people = task.assignees.iter().map(|id| FieldChange::new("assignees", NONE, id));
    let pressing = (task.priority != Priority::default()).then_some(task.priority);
    let pressing = pressing.map(|priority| FieldChange::new("priority", NONE, priority));
    people.chain(pressing).chain(task.due.map(|due| FieldChange::new("due", NONE, due))).collect()
}

fn excerpt(text: Option<impl AsRef<str>>) -> Value {
    let Some(text) = text else { return NONE };
    let text = text.as_ref();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => json(format!("{}…", &text[..end])),
        None => json(text),
    }
}

/// Values of events always have a JSON form.
fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
