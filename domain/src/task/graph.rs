//! Following links from task to task through the facts.

use std::collections::BTreeSet;

use super::{
    Facts, TaskFact,
    values::{Relation, RelationType},
};
use crate::ids::TaskId;

/// Most ancestors that a task may have.
pub const MAX_ANCESTORS: usize = 50;
/// Most tasks that are followed when a relation is checked for cycles.
pub const MAX_LINKED: usize = 500;

/// A kind of link that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// From a part to the whole.
    Parent,
    /// Along one type of relation.
    Relation(RelationType),
}

/// What following gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// The goal is not reached.
    Apart,
    /// The goal is reached: a link from it to the start would make a cycle.
    Reached,
    /// Facts about these tasks are needed to go on.
    Missing(BTreeSet<TaskId>),
    /// More than the limit would have to be followed.
    TooLong {
        /// The limit.
        max: usize,
    },
}

/// Follows links of one kind from `start` until `goal` or the end.
pub(super) fn trace(facts: &Facts, link: Link, start: TaskId, goal: TaskId) -> Trace {
    let max = link.limit();
    let (mut seen, mut missing, mut open) = (BTreeSet::from([start]), BTreeSet::new(), vec![start]);
    while let Some(task) = open.pop() {
        if task == goal {
            return Trace::Reached;
        }
        match facts.tasks.get(&task) {
            None => drop(missing.insert(task)),
            Some(None) => {}
            Some(Some(fact)) => open.extend(link.next(fact).filter(|next| seen.insert(*next))),
        }
        if seen.len() > max {
            return Trace::TooLong { max };
        }
    }
    if missing.is_empty() { Trace::Apart } else { Trace::Missing(missing) }
}

impl Link {
    fn limit(self) -> usize {
        match self {
            Self::Parent => MAX_ANCESTORS,
            Self::Relation(_) => MAX_LINKED,
        }
    }

    fn next(self, fact: &TaskFact) -> impl Iterator<Item = TaskId> {
        let parent = fact.parent.filter(|_| self == Self::Parent);
        let follows =
            move |relation: &&Relation| self == Self::Relation(relation.kind) && relation.kind.is_acyclic();
        parent.into_iter().chain(fact.relations.iter().filter(follows).map(|relation| relation.task))
    }
}
