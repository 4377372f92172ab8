//! The people, tasks and circumstances that the tests speak of.

use cqrs_es::{
    Aggregate,
    test::{AggregateResultValidator, TestFramework},
};
use domain::{
    actor::Actor,
    ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId},
    policy::{Role, RoleSet},
    task::{
        AssigneeEntry, CreateTask, Created, Facts, Task, TaskCommand, TaskContext, TaskError, TaskEvent,
        TaskFact, UserFact, WatcherEntry,
        values::{Label, Markdown, Priority, Title, Visibility},
    },
    time::Timestamp,
    violation::{FieldViolation, Violation},
};
use uuid::Uuid;

pub(crate) const MEMBER: RoleSet = RoleSet::of(&[Role::Member]);

fn uuid(kind: u128, n: u8) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 | kind << 16 | u128::from(n))
}

pub(crate) fn user(n: u8) -> UserId {
    UserId(uuid(1, n))
}

pub(crate) fn creator() -> UserId {
    user(1)
}

pub(crate) fn assignee() -> UserId {
    user(2)
}

pub(crate) fn watcher() -> UserId {
    user(3)
}

pub(crate) fn stranger() -> UserId {
    user(4)
}

/// Not active.
pub(crate) fn sleeper() -> UserId {
    user(9)
}

pub(crate) fn task(n: u8) -> TaskId {
    TaskId(uuid(2, n))
}

pub(crate) fn comment(n: u8) -> CommentId {
    CommentId(uuid(3, n))
}

pub(crate) fn item(n: u8) -> ChecklistItemId {
    ChecklistItemId(uuid(4, n))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

pub(crate) fn title(text: &str) -> Title {
    Title::parse(text).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    Label::parse(text).unwrap()
}

pub(crate) fn markdown(text: &str) -> Markdown {
    Markdown::parse(text).unwrap()
}

pub(crate) fn member(id: UserId) -> Actor {
    Actor::User { id, roles: MEMBER }
}

pub(crate) fn member_and(id: UserId, role: Role) -> Actor {
    Actor::User { id, roles: MEMBER.with(role) }
}

/// Users 1 to 4 are active, 9 is not; tasks 2 to 5 stand alone and can be seen.
pub(crate) fn facts() -> Facts {
    let users = (1..=4).map(|n| (user(n), Some(UserFact { active: true })));
    let alone = || Some(TaskFact { visible: true, parent: None, relations: Vec::new() });
    let tasks = (2..=5).map(|n| (task(n), alone()));
    let mut facts = Facts { users: users.collect(), tasks: tasks.collect(), ..Facts::default() };
    facts.users.insert(sleeper(), Some(UserFact { active: false }));
    facts
}

pub(crate) fn context(actor: Actor) -> TaskContext {
    TaskContext { task: task(1), actor, now: noon(), facts: facts() }
}

pub(crate) fn created() -> Created {
    Created {
        key: TaskKey(1),
        title: title("Fix the roof"),
        description: None,
        priority: Priority::Normal,
        due: None,
        labels: Vec::new(),
        assignees: Vec::new(),
        creator: creator(),
        parent: None,
        external_ref: None,
        visibility: Visibility::Team,
    }
}

/// A task of the creator's with one assignee and one watcher.
pub(crate) fn staffed() -> Vec<TaskEvent> {
    vec![
        TaskEvent::Created(created()),
        TaskEvent::Assigned(AssigneeEntry { assignee: assignee() }),
        TaskEvent::Watched(WatcherEntry { user: watcher() }),
    ]
}

/// The same, to be seen by these three only.
pub(crate) fn private() -> Vec<TaskEvent> {
    let mut events = staffed();
    events[0] = TaskEvent::Created(Created { visibility: Visibility::Private, ..created() });
    events
}

pub(crate) fn create(title_text: &str) -> CreateTask {
    CreateTask::new(TaskKey(1), title(title_text))
}

/// What a command of the creator's gives.
pub(crate) fn when(events: &[TaskEvent], command: TaskCommand) -> AggregateResultValidator<Task> {
    when_by(member(creator()), events, command)
}

/// What a command gives.
pub(crate) fn when_by(
    actor: Actor,
    events: &[TaskEvent],
    command: TaskCommand,
) -> AggregateResultValidator<Task> {
    when_in(context(actor), events, command)
}

/// What a command gives under these circumstances.
pub(crate) fn when_in(
    context: TaskContext,
    events: &[TaskEvent],
    command: TaskCommand,
) -> AggregateResultValidator<Task> {
    TestFramework::with(context).given(events.to_vec()).when(command)
}

/// The state after these events.
pub(crate) fn after(events: &[TaskEvent]) -> Task {
    let mut task = Task::default();
    events.iter().cloned().for_each(|event| task.apply(event));
    task
}

pub(crate) fn invalid(member: &str, violation: Violation) -> TaskError {
    TaskError::Invalid(vec![FieldViolation::of(member, violation)])
}
