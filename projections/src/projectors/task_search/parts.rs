//! What is said where: the texts of tasks, part by part.

use std::collections::BTreeMap;

use domain::task::{TaskEvent, values::Markdown};
use event_store::envelope::Envelope;
use uuid::Uuid;

use super::words::searchable;

/// Parts by (task, part): the task's id for its title and description, a comment's own for a comment.
pub type Parts = BTreeMap<(Uuid, Uuid), Part>;

/// A part after the events that were folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Position of the last of them.
    pub position: i64,
    /// It is of a task that began with them; else there may be a row of it. That of a comment may have been deleted before.
    pub begun: bool,
    pub(super) said: Said,
}

/// Searchable texts; empty when they are gone, since a row that vanished could not be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// None is as it was before.
    Task {
        title: Option<String>,
        description: Option<String>,
    },
    Comment(String),
}

impl Part {
    /// The text as the row has it: title and description in one, as most tasks get both at once and keep them.
    pub fn text(&self) -> String {
        match &self.said {
            Said::Task { title, description } => {
                let title = title.as_deref().unwrap_or_default();
                match description.as_deref().filter(|text| !text.is_empty()) {
                    Some(description) => format!("{title}\n{description}"),
                    None => title.to_owned(),
                }
            }
            Said::Comment(text) => text.clone(),
        }
    }

    /// Fills in from the row what the events left as it was.
    pub(super) fn complete(&mut self, before: &str) {
        if let Said::Task { title, description } = &mut self.said {
            // A title has one line.
            let (old_title, old_description) = before.split_once('\n').unwrap_or((before, ""));
            title.get_or_insert_with(|| old_title.to_owned());
            description.get_or_insert_with(|| old_description.to_owned());
        }
    }
}

/// Notes what an event says about the text of a part.
pub fn fold(parts: &mut Parts, at: &Envelope, event: &TaskEvent) {
    let mut noting = Noting { parts, at };
    match event {
        TaskEvent::Created(created) => {
            noting.task(true, Some(created.title.as_str()), Some(text_of(created.description.as_ref())));
        }
        TaskEvent::TitleChanged(change) => noting.task(false, Some(change.to.as_str()), None),
        TaskEvent::DescriptionChanged(change) => noting.task(false, None, Some(text_of(change.to.as_ref()))),
        TaskEvent::Commented(comment) => noting.comment(comment.comment.0, comment.text.as_str()),
        TaskEvent::CommentEdited(edit) => noting.comment(edit.comment.0, edit.to.as_str()),
        TaskEvent::CommentDeleted(entry) => noting.comment(entry.comment.0, ""),
        TaskEvent::PriorityChanged(_)
        | TaskEvent::DueChanged(_)
        | TaskEvent::LabelAdded(_)
        | TaskEvent::LabelRemoved(_)
        | TaskEvent::ParentChanged(_)
        | TaskEvent::VisibilityChanged(_)
        | TaskEvent::ExternalRefChanged(_)
        | TaskEvent::Assigned(_)
        | TaskEvent::Unassigned(_)
        | TaskEvent::Watched(_)
        | TaskEvent::Unwatched(_)
        | TaskEvent::Started(_)
        | TaskEvent::Held(_)
        | TaskEvent::Resumed(_)
        | TaskEvent::Completed(_)
        | TaskEvent::Cancelled(_)
        | TaskEvent::Reopened(_)
        | TaskEvent::ProgressChanged(_)
        | TaskEvent::ChecklistItemAdded(_)
        | TaskEvent::ChecklistItemRenamed(_)
        | TaskEvent::ChecklistItemChecked(_)
        | TaskEvent::ChecklistItemUnchecked(_)
        | TaskEvent::ChecklistItemRemoved(_)
        | TaskEvent::RelationAdded(_)
        | TaskEvent::RelationRemoved(_)
        | TaskEvent::Deleted(_)
        | TaskEvent::Undeleted(_)
        | TaskEvent::RolledBack(_) => {}
    }
}

fn text_of(text: Option<&Markdown>) -> &str {
    text.map(Markdown::as_str).unwrap_or_default()
}

/// Parts, and the event that changes them.
struct Noting<'a> {
    parts: &'a mut Parts,
    at: &'a Envelope,
}

impl Noting<'_> {
    fn task(&mut self, begins: bool, title: Option<&str>, description: Option<&str>) {
        let nothing = || Said::Task { title: None, description: None };
        let (title, description) = (title.map(searchable), description.map(searchable));
        if let Said::Task { title: old_title, description: old_description } =
            self.part(begins, self.at.aggregate_id, nothing)
        {
            *old_title = title.or(old_title.take());
            *old_description = description.or(old_description.take());
        }
    }

    fn comment(&mut self, comment: Uuid, text: &str) {
        *self.part(false, comment, || Said::Comment(String::new())) = Said::Comment(searchable(text));
    }

    fn part(&mut self, begins: bool, part: Uuid, nothing: impl FnOnce() -> Said) -> &mut Said {
        let position = self.at.position;
        let new = || Part { position, begun: begins, said: nothing() };
        let part = self.parts.entry((self.at.aggregate_id, part)).or_insert_with(new);
        part.position = position;
        &mut part.said
    }
}
