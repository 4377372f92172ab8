//! What a task says, apart from what is done with it: the part that can be set back.

use super::{
    ChecklistItem, Field, Task,
    values::{Due, Label, Markdown, Priority, Title},
};

/// The part of a task that a rollback sets back. Status, progress and people move by rules of their own; visibility would show
/// to others what was hidden from them; parent, relations and external name are also others' business; comments are said.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Title.
    pub title: Option<Title>,
    /// Description.
    pub description: Option<Markdown>,
    /// Priority.
    pub priority: Priority,
    /// Due day or time.
    pub due: Option<Due>,
    /// Labels in the order added.
    pub labels: Vec<Label>,
    /// Checklist in the order added.
    pub checklist: Vec<ChecklistItem>,
}

impl Content {
    /// Its fields, the checklist apart, whose items are fields each.
    pub(super) const FIELDS: [Field; 5] =
        [Field::Title, Field::Description, Field::Priority, Field::Due, Field::Labels];

    /// Whether a field is a part of it.
    pub(super) fn has(field: &Field) -> bool {
        Self::FIELDS.contains(field) || matches!(field, Field::ChecklistItem(_))
    }
}

impl Task {
    /// The content as it stands.
    pub fn content(&self) -> Content {
        Content {
            title: self.title.clone(),
            description: self.description.clone(),
            priority: self.priority,
            due: self.due,
            labels: self.labels.clone(),
            checklist: self.checklist.clone(),
        }
    }
}
