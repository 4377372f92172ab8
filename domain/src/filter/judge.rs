//! Whether something is what a filter asks for: yes, no, or not to be said.

use super::{Condition, Expression, Order, Person};
use crate::{
    ids::{TaskId, UserId},
    task::{
        Task,
        values::{Due, ExternalRef, Label, Priority, Status, Visibility},
    },
    time::Timestamp,
};

/// What a filter is asked about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The task, if there is one.
    pub task: Option<TaskFacts<'a>>,
    /// The event, if there is one.
    pub event: Option<EventFacts<'a>>,
    /// Who asks.
    pub me: Option<UserId>,
}

/// What filters ask about an event.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts<'a> {
    /// Its type, without the version.
    pub event_type: &'a str,
    /// Who acted; none for the system and for strangers.
    pub actor: Option<UserId>,
}

/// What filters ask about a task.
#[derive(Clone, Copy, Debug)]
pub struct TaskFacts<'a> {
    /// Status.
    pub status: Status,
    /// Priority.
    pub priority: Priority,
    /// Visibility.
    pub visibility: Visibility,
    /// Due day or time.
    pub due: Option<Due>,
    /// Labels.
    pub labels: &'a [Label],
    /// Assignees.
    pub assignees: &'a [UserId],
    /// Watchers.
    pub watchers: &'a [UserId],
    /// Who created it.
    pub creator: Option<UserId>,
    /// What it is a part of.
    pub parent: Option<TaskId>,
    /// Its name in another system.
    pub external_ref: Option<&'a ExternalRef>,
    /// When it was created.
    pub create_time: Option<Timestamp>,
    /// When it was last changed.
    pub update_time: Option<Timestamp>,
}

impl<'a> From<&'a Task> for TaskFacts<'a> {
    fn from(task: &'a Task) -> Self {
        Self {
            status: task.status,
            priority: task.priority,
            visibility: task.visibility,
            due: task.due,
            labels: &task.labels,
            assignees: &task.assignees,
            watchers: &task.watchers,
            creator: task.creator,
            parent: task.parent,
            external_ref: task.external_ref.as_ref(),
            create_time: task.create_time,
            update_time: task.update_time,
        }
    }
}

impl Expression {
    /// Yes, no, or none if what is asked about is not there.
    pub(super) fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        match self {
            Self::And(all) => decided(all.iter().map(|one| one.judge(subject)), false),
            Self::Or(any) => decided(any.iter().map(|one| one.judge(subject)), true),
            Self::Not(inner) => inner.judge(subject).map(|holds| !holds),
            Self::Is(condition) => condition.judge(subject),
        }
    }
}

/// `decisive` if any says so, else unknown if any is, else the opposite.
fn decided(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut all = Some(!decisive);
    for part in parts {
        match part {
            Some(said) if said == decisive => return Some(decisive),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

impl Condition {
    fn judge(&self, subject: &Subject<'_>) -> Option<bool> {
        match self {
            // Records are judged where they are kept.
            Self::Record(_) => None,
            Self::Type(pattern) => Some(pattern.matches(subject.event?.event_type)),
            Self::Actor(wanted) => {
                let actor = subject.event?.actor;
                wanted.map_or(Some(actor.is_none()), |person| Some(actor == Some(person.id(subject)?)))
            }
            Self::Status(_)
            | Self::Assignee(_)
            | Self::Creator(_)
            | Self::Watcher(_)
            | Self::Label(_)
            | Self::Priority(..)
            | Self::Parent(_)
            | Self::ExternalRef(_)
            | Self::Due(_)
            | Self::CreateTime(..)
            | Self::UpdateTime(..)
            | Self::Visibility(_) => self.of_task(&subject.task?, subject),
        }
    }

    fn of_task(&self, task: &TaskFacts<'_>, subject: &Subject<'_>) -> Option<bool> {
        match self {
            Self::Status(status) => Some(task.status == *status),
            Self::Assignee(wanted) => among(task.assignees, *wanted, subject),
            Self::Creator(person) => Some(task.creator == Some(person.id(subject)?)),
            Self::Watcher(wanted) => among(task.watchers, *wanted, subject),
            Self::Label(None) => Some(task.labels.is_empty()),
            Self::Label(Some(label)) => Some(task.labels.contains(label)),
            Self::Priority(order, priority) => Some(order.holds(&task.priority, priority)),
            Self::Parent(parent) => Some(task.parent == *parent),
            Self::ExternalRef(reference) => Some(task.external_ref == reference.as_ref()),
            Self::Due(None) => Some(task.due.is_none()),
            Self::Due(Some((order, time))) => {
                Some(task.due.is_some_and(|due| order.holds(&due.begins(), time)))
            }
            Self::CreateTime(order, time) => Some(order.holds(&task.create_time?, time)),
            Self::UpdateTime(order, time) => Some(order.holds(&task.update_time?, time)),
            Self::Visibility(visibility) => Some(task.visibility == *visibility),
            Self::Type(_) | Self::Actor(_) | Self::Record(_) => None,
        }
    }
}

fn among(people: &[UserId], wanted: Option<Person>, subject: &Subject<'_>) -> Option<bool> {
    wanted.map_or(Some(people.is_empty()), |person| Some(people.contains(&person.id(subject)?)))
}

impl Person {
    fn id(self, subject: &Subject<'_>) -> Option<UserId> {
        match self {
            Self::Me => subject.me,
            Self::User(id) => Some(id),
        }
    }
}

impl Order {
    fn holds<T: Ord>(self, value: &T, bound: &T) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::Equal => value == bound,
            Self::AtLeast => value >= bound,
            Self::More => value > bound,
        }
    }
}
