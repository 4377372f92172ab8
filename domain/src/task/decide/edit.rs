//! Editing fields: one event for each that changes.

use super::{Decided, unique};
use crate::{
    event::Change,
    task::{
        DescriptionChanged, EditTask, LabelEntry, Task, TaskContext, TaskEvent,
        rules::Rules,
        values::{Label, MAX_LABELS},
    },
};

impl Task {
    pub(super) fn edit(&self, edit: EditTask, context: &TaskContext) -> Decided {
        let labels = edit.labels.map(|labels| unique(labels, MAX_LABELS));
        let parent = changed(&self.parent, edit.parent);
        let mut rules = Rules::new(context);
        rules.at_most("labels", labels.as_ref().map_or(0, Vec::len), MAX_LABELS);
        rules.parent(parent.as_ref().and_then(|change| change.to));
        rules.finish()?;

        let mut events = Vec::new();
        if let (Some(from), Some(to)) = (&self.title, edit.title) {
            events.extend(changed(from, Some(to)).map(TaskEvent::TitleChanged));
        }
        if let Some(to) = edit.description.filter(|to| *to != self.description) {
            let from = self.description_set_by;
            events.push(TaskEvent::DescriptionChanged(DescriptionChanged { from, to }));
        }
        events.extend(changed(&self.priority, edit.priority).map(TaskEvent::PriorityChanged));
        events.extend(changed(&self.due, edit.due).map(TaskEvent::DueChanged));
        if let Some(labels) = labels {
            self.replace_labels(labels, &mut events);
        }
        events.extend(parent.map(TaskEvent::ParentChanged));
        events.extend(changed(&self.external_ref, edit.external_ref).map(TaskEvent::ExternalRefChanged));
        events.extend(changed(&self.visibility, edit.visibility).map(TaskEvent::VisibilityChanged));
        Ok(events)
    }

    fn replace_labels(&self, labels: Vec<Label>, events: &mut Vec<TaskEvent>) {
        for label in self.labels.iter().filter(|label| !labels.contains(label)) {
            events.push(TaskEvent::LabelRemoved(LabelEntry { label: label.clone() }));
        }
        for label in labels.into_iter().filter(|label| !self.labels.contains(label)) {
            events.push(TaskEvent::LabelAdded(LabelEntry { label }));
        }
    }
}

/// The change, if there is one.
fn changed<T: PartialEq + Clone>(from: &T, to: Option<T>) -> Option<Change<T>> {
    to.filter(|to| to != from).map(|to| Change { from: from.clone(), to })
}
