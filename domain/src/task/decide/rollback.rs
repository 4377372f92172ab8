//! Setting the content back: one event says so, and one each what that changes.

use super::Decided;
use crate::{
    task::{
        ChecklistItem, ChecklistItemEntry, ChecklistItemText, Content, EditTask, LabelEntry, RolledBack,
        Task, TaskContext, TaskError, TaskEvent, values::Label,
    },
    violation::{FieldViolation, Violation},
};

impl Task {
    pub(super) fn roll_back(&self, version: i64, context: &TaskContext) -> Decided {
        if version == self.version {
            return Ok(Vec::new());
        }
        let Some(then) = context.facts.contents.get(&version).and_then(Option::as_ref) else {
            let range = Violation::OutOfRange { min: 1, max: self.version };
            return Err(TaskError::Invalid(vec![FieldViolation::of("version", range)]));
        };
        let mut events = self.fields_back(then, context)?;
        self.labels_back(&then.labels, &mut events);
        self.checklist_back(&then.checklist, &mut events)?;
        if !events.is_empty() {
            events.insert(0, TaskEvent::RolledBack(RolledBack { to: version }));
        }
        Ok(events)
    }

    fn fields_back(&self, then: &Content, context: &TaskContext) -> Decided {
        let back = EditTask {
            title: then.title.clone(),
            description: Some(then.description.clone()),
            priority: Some(then.priority),
            due: Some(then.due),
            ..EditTask::default()
        };
        self.edit(back, context)
    }

    fn labels_back(&self, then: &[Label], events: &mut Vec<TaskEvent>) {
        let standing = standing(&self.labels, then, |label| label);
        let gone = self.labels.iter().filter(|label| !then[..standing].contains(label));
        events.extend(gone.map(|label| TaskEvent::LabelRemoved(LabelEntry { label: label.clone() })));
        let added = then[standing..].iter().cloned();
        events.extend(added.map(|label| TaskEvent::LabelAdded(LabelEntry { label })));
    }

    fn checklist_back(&self, then: &[ChecklistItem], events: &mut Vec<TaskEvent>) -> Result<(), TaskError> {
        let (stay, added) = then.split_at(standing(&self.checklist, then, |item| &item.id));
        let gone = self.checklist.iter().filter(|item| stay.iter().all(|other| other.id != item.id));
        events.extend(gone.map(|item| TaskEvent::ChecklistItemRemoved(with_text(item))));
        for item in stay {
            events.extend(self.edit_checklist_item(item.id, Some(item.text.clone()), Some(item.done))?);
        }
        for item in added {
            events.push(TaskEvent::ChecklistItemAdded(with_text(item)));
            let checked = TaskEvent::ChecklistItemChecked(ChecklistItemEntry { item: item.id });
            events.extend(item.done.then_some(checked));
        }
        Ok(())
    }
}

/// How many of `then` may stay as they stand now, so that adding the rest at the end gives the order of then.
fn standing<T, K: PartialEq>(now: &[T], then: &[T], key: impl Fn(&T) -> &K) -> usize {
    let kept = now.iter().filter(|entry| then.iter().any(|other| key(other) == key(entry)));
    kept.zip(then).take_while(|(now, then)| key(now) == key(then)).count()
}

fn with_text(item: &ChecklistItem) -> ChecklistItemText {
    ChecklistItemText { item: item.id, text: item.text.clone() }
}
