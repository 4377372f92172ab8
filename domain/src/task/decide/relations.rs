//! Relations to other tasks.

use super::Decided;
use crate::task::{
    Task, TaskContext, TaskEvent,
    rules::Rules,
    values::{MAX_RELATIONS, Relation, RelationType},
};

impl Task {
    pub(super) fn add_relation(&self, relation: Relation, context: &TaskContext) -> Decided {
        if self.relations.contains(&relation) || holds_from_the_other_side(relation, context) {
            return Ok(Vec::new());
        }
        let mut rules = Rules::new(context);
        rules.at_most("relations", self.relations.len() + 1, MAX_RELATIONS);
        rules.relation(relation);
        rules.finish()?;
        Ok(vec![TaskEvent::RelationAdded(relation)])
    }

    pub(super) fn remove_relation(&self, relation: Relation) -> Decided {
        let kept = self.relations.contains(&relation);
        Ok(kept.then_some(TaskEvent::RelationRemoved(relation)).into_iter().collect())
    }
}

/// `relates` holds both ways: the other task may keep it already.
fn holds_from_the_other_side(relation: Relation, context: &TaskContext) -> bool {
    let mirrored = Relation { kind: RelationType::Relates, task: context.task };
    let other = context.facts.tasks.get(&relation.task).and_then(Option::as_ref);
    relation.kind == RelationType::Relates
        && other.is_some_and(|other| other.visible && other.relations.contains(&mirrored))
}
