//! What a decision on a task knows beside the task.

use std::collections::{BTreeMap, BTreeSet};

use super::{Content, values::Relation};
use crate::{
    actor::Actor,
    ids::{TaskId, UserId},
    time::Timestamp,
};

/// Everything loaded before a decision (the `Services` of cqrs-es).
#[derive(Clone, Debug)]
pub struct TaskContext {
    /// The task that the command is for.
    pub task: TaskId,
    /// Whose rights count.
    pub actor: Actor,
    /// The clock, or the time of the imported record.
    pub now: Timestamp,
    /// What [`Needs`] asked for.
    pub facts: Facts,
}

/// What is known about other aggregates. `None` = looked up and not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Users by id.
    pub users: BTreeMap<UserId, Option<UserFact>>,
    /// Tasks by id.
    pub tasks: BTreeMap<TaskId, Option<TaskFact>>,
    /// What the task itself said, by version.
    pub contents: BTreeMap<i64, Option<Content>>,
}

/// What a task's decision asks about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFact {
    /// Registered, verified, not deactivated.
    pub active: bool,
}

/// What a task's decision asks about another task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFact {
    /// Not deleted and to be seen by the actor.
    pub visible: bool,
    /// Its parent.
    pub parent: Option<TaskId>,
    /// The relations it keeps.
    pub relations: Vec<Relation>,
}

/// Which facts are missing; see [`TaskCommand::needs`](super::TaskCommand::needs).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Users to look up.
    pub users: BTreeSet<UserId>,
    /// Tasks to look up.
    pub tasks: BTreeSet<TaskId>,
    /// A version of the task itself.
    pub version: Option<i64>,
}

impl Needs {
    /// Whether every fact is there.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tasks.is_empty() && self.version.is_none()
    }
}
