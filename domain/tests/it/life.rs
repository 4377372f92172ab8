//! Deleting, bringing back, and time.

use cqrs_es::Aggregate;
use domain::{
    actor::Actor,
    event::{Nothing, Timed},
    task::{Task, TaskCommand, TaskContext, TaskError, TaskEvent, values::Transition},
};

use crate::given::{at, context, create, creator, member, noon, staffed, stranger, when, when_by, when_in};

fn deleted() -> Vec<TaskEvent> {
    let mut events = staffed();
    events.push(TaskEvent::Deleted(Nothing {}));
    events
}

#[test]
fn a_task_is_deleted_once_and_brought_back_once() {
    when(&staffed(), TaskCommand::Delete).then_expect_events(vec![TaskEvent::Deleted(Nothing {})]);
    when(&deleted(), TaskCommand::Delete).then_expect_error(TaskError::NotFound);
    when(&deleted(), TaskCommand::Undelete).then_expect_events(vec![TaskEvent::Undeleted(Nothing {})]);
    when(&staffed(), TaskCommand::Undelete).then_expect_error(TaskError::NotDeleted);
    when_by(member(stranger()), &staffed(), TaskCommand::Delete).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &deleted(), TaskCommand::Undelete).then_expect_error(TaskError::Forbidden);
}

#[test]
fn nothing_else_reaches_a_deleted_task_or_none() {
    let start = TaskCommand::Transition { transition: Transition::Start, reason: None };
    when(&deleted(), start.clone()).then_expect_error(TaskError::NotFound);
    when_by(member(stranger()), &deleted(), start.clone()).then_expect_error(TaskError::NotFound);
    when(&[], start).then_expect_error(TaskError::NotFound);
    when(&[], TaskCommand::Undelete).then_expect_error(TaskError::NotFound);
    when(&deleted(), TaskCommand::Create(Box::new(create("Again")))).then_expect_error(TaskError::IdTaken);
}

/// A task through `handle`, as the executor drives it.
fn live(commands: Vec<(&str, TaskCommand)>) -> Result<Task, TaskError> {
    let mut task = Task::default();
    for (time, command) in commands {
        let context = TaskContext { now: at(time), ..context(member(creator())) };
        crate::random::handle(&mut task, command, &context)?;
    }
    Ok(task)
}

fn creation() -> TaskCommand {
    TaskCommand::Create(Box::new(create("Fix the roof")))
}

#[test]
fn thirty_days_after_it_is_gone() {
    let gone = |time| {
        live(vec![
            ("2026-01-01T00:00:00Z", creation()),
            ("2026-01-02T00:00:00Z", TaskCommand::Delete),
            (time, TaskCommand::Undelete),
        ])
    };
    assert_eq!(gone("2026-01-31T23:59:59Z").unwrap().delete_time, None);
    assert_eq!(gone("2026-02-01T00:00:00Z"), Err(TaskError::NotFound));
}

#[test]
fn times_follow_the_events_and_never_fall() {
    let task =
        live(vec![("2026-01-02T00:00:00Z", creation()), ("2026-01-01T00:00:00Z", TaskCommand::Delete)])
            .unwrap();
    assert_eq!(task.create_time, Some(at("2026-01-02T00:00:00Z")));
    assert_eq!(task.update_time, task.create_time);
    assert_eq!(task.delete_time, task.create_time);
    assert_eq!(task.purge_time(), Some(at("2026-02-01T00:00:00Z")));
    assert_eq!(task.effective_time(at("2025-01-01T00:00:00Z")), at("2026-01-02T00:00:00Z"));
    assert_eq!(task.effective_time(noon()), noon());
}

#[test]
fn loading_gives_what_handling_gave() {
    let mut handled = Task::default();
    let mut loaded = Task::default();
    for (day, command) in [(1, creation()), (2, TaskCommand::Delete), (3, TaskCommand::Undelete)] {
        let now = at(&format!("2026-01-0{day}T00:00:00Z"));
        let context = TaskContext { now, ..context(member(creator())) };
        for event in crate::random::handle(&mut handled, command, &context).unwrap() {
            loaded.apply(event);
            loaded.occurred(now);
        }
    }
    assert_eq!(loaded, handled);
}

#[test]
fn the_system_may_delete() {
    when_in(context(Actor::System), &staffed(), TaskCommand::Delete)
        .then_expect_events(vec![TaskEvent::Deleted(Nothing {})]);
}
