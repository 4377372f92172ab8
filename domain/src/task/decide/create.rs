//! Creating.

use super::{Decided, unique};
use crate::task::{
    CreateTask, Created, Task, TaskContext, TaskError, TaskEvent,
    rules::Rules,
    values::{MAX_ASSIGNEES, MAX_LABELS},
};

impl Task {
    pub(super) fn create(&self, create: CreateTask, context: &TaskContext) -> Decided {
        if self.exists() {
            return Err(TaskError::IdTaken);
        }
        let creator = context.actor.id().ok_or(TaskError::Forbidden)?;
        let labels = unique(create.labels, MAX_LABELS);
        let assignees = unique(create.assignees.iter().copied(), MAX_ASSIGNEES);
        let mut rules = Rules::new(context);
        rules.at_most("labels", labels.len(), MAX_LABELS);
        rules.at_most("assignees", assignees.len(), MAX_ASSIGNEES);
        rules.active("assignees", &create.assignees, &assignees);
        rules.parent(create.parent);
        rules.finish()?;
        Ok(vec![TaskEvent::Created(Created {
            key: create.key,
            title: create.title,
            description: create.description,
            priority: create.priority,
            due: create.due,
            labels,
            assignees,
            creator,
            parent: create.parent,
            external_ref: create.external_ref,
            visibility: create.visibility,
        })])
    }
}
