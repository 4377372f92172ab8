//! Rules that need facts about others; all broken ones are told at once.

use super::{
    TaskContext, TaskError,
    graph::{Link, Trace, trace},
    values::Relation,
};
use crate::{
    ids::{TaskId, UserId},
    violation::{FieldViolation, Violation},
};

/// Checks rule after rule and remembers what is broken.
pub(super) struct Rules<'a> {
    context: &'a TaskContext,
    broken: Vec<FieldViolation>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(context: &'a TaskContext) -> Self {
        Self { context, broken: Vec::new() }
    }

    /// A list may not grow beyond its limit.
    pub(super) fn at_most(&mut self, member: &str, count: usize, max: usize) {
        if count > max {
            self.broken.push(FieldViolation::of(member, Violation::TooMany { max }));
        }
    }

    /// Of the users named, those that count must be active.
    pub(super) fn active(&mut self, member: &str, named: &[UserId], counting: &[UserId]) {
        for user in counting.iter().copied() {
            if self.is_active(user) {
                continue;
            }
            let index = named.iter().position(|other| *other == user).unwrap_or_default();
            self.broken.push(FieldViolation::of_entry(member, index, Violation::UserNotActive { user }));
        }
    }

    /// A parent must be there, and the task itself not among its ancestors.
    pub(super) fn parent(&mut self, parent: Option<TaskId>) {
        if let Some(parent) = parent {
            self.link("parent", Link::Parent, parent);
        }
    }

    /// The other task must be there, and a chain not come back.
    pub(super) fn relation(&mut self, relation: Relation) {
        self.link("task", Link::Relation(relation.kind), relation.task);
    }

    /// The verdict.
    pub(super) fn finish(self) -> Result<(), TaskError> {
        if self.broken.is_empty() { Ok(()) } else { Err(TaskError::Invalid(self.broken)) }
    }

    fn link(&mut self, member: &str, link: Link, to: TaskId) {
        if let Some(violation) = self.broken_link(link, to) {
            self.broken.push(FieldViolation::of(member, violation));
        }
    }

    fn broken_link(&self, link: Link, to: TaskId) -> Option<Violation> {
        if to == self.context.task {
            return Some(Violation::SelfReference);
        }
        let other = self.context.facts.tasks.get(&to).and_then(Option::as_ref);
        if !other.is_some_and(|other| other.visible) {
            return Some(Violation::UnknownTask { task: to });
        }
        match trace(&self.context.facts, link, to, self.context.task) {
            Trace::Apart | Trace::Missing(_) => None,
            Trace::Reached => Some(Violation::Cycle),
            Trace::TooLong { max } => Some(Violation::TooDeep { max }),
        }
    }

    fn is_active(&self, user: UserId) -> bool {
        self.context.facts.users.get(&user).is_some_and(|fact| fact.is_some_and(|fact| fact.active))
    }
}
