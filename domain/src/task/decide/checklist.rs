//! The checklist.

use super::Decided;
use crate::{
    ids::ChecklistItemId,
    task::{
        ChecklistItem, ChecklistItemEntry, ChecklistItemRenamed, ChecklistItemText, Task, TaskError,
        TaskEvent,
        values::{ChecklistText, MAX_CHECKLIST},
    },
    violation::{FieldViolation, Violation},
};

impl Task {
    pub(super) fn add_checklist_item(&self, item: ChecklistItemId, text: ChecklistText) -> Decided {
        if let Ok(standing) = self.checklist_item(item) {
            return if standing.text == text { Ok(Vec::new()) } else { Err(TaskError::IdTaken) };
        }
        if self.checklist.len() >= MAX_CHECKLIST {
            let full = FieldViolation::of("checklist", Violation::TooMany { max: MAX_CHECKLIST });
            return Err(TaskError::Invalid(vec![full]));
        }
        Ok(vec![TaskEvent::ChecklistItemAdded(ChecklistItemText { item, text })])
    }

    pub(super) fn edit_checklist_item(
        &self,
        item: ChecklistItemId,
        text: Option<ChecklistText>,
        done: Option<bool>,
    ) -> Decided {
        let standing = self.checklist_item(item)?;
        let mut events = Vec::new();
        if let Some(to) = text.filter(|text| *text != standing.text) {
            let from = standing.text.clone();
            events.push(TaskEvent::ChecklistItemRenamed(ChecklistItemRenamed { item, from, to }));
        }
        match done.filter(|done| *done != standing.done) {
            Some(true) => events.push(TaskEvent::ChecklistItemChecked(ChecklistItemEntry { item })),
            Some(false) => events.push(TaskEvent::ChecklistItemUnchecked(ChecklistItemEntry { item })),
            None => {}
        }
        Ok(events)
    }

    pub(super) fn remove_checklist_item(&self, item: ChecklistItemId) -> Decided {
        let text = self.checklist_item(item)?.text.clone();
        Ok(vec![TaskEvent::ChecklistItemRemoved(ChecklistItemText { item, text })])
    }

    fn checklist_item(&self, id: ChecklistItemId) -> Result<&ChecklistItem, TaskError> {
        self.checklist.iter().find(|item| item.id == id).ok_or(TaskError::ChecklistItemNotFound)
    }
}
