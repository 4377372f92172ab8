//! Every transition from every status (A5, A6).

use domain::task::{
    StatusChange, TaskCommand, TaskError, TaskEvent,
    values::{Progress, Reason, Status, Transition},
};

use crate::given::{assignee, creator, member, staffed, stranger, watcher, when, when_by};

use Status::{Cancelled, Done, InProgress, OnHold, Waiting};
use Transition::{Cancel, Complete, Hold, Reopen, Resume, Start};

fn change(from: Status, to: Status) -> StatusChange {
    StatusChange { from, to, reason: None }
}

fn ask(transition: Transition) -> TaskCommand {
    TaskCommand::Transition { transition, reason: None }
}

/// The shortest history that leads to a status.
fn standing(status: Status) -> Vec<TaskEvent> {
    let mut events = staffed();
    events.extend(match status {
        Waiting => None,
        InProgress => Some(TaskEvent::Started(change(Waiting, InProgress))),
        OnHold => Some(TaskEvent::Held(change(Waiting, OnHold))),
        Done => Some(TaskEvent::Completed(change(Waiting, Done))),
        Cancelled => Some(TaskEvent::Cancelled(change(Waiting, Cancelled))),
    });
    events
}

/// Rows: from; columns: start hold resume complete cancel reopen. `=` already so, `x` refused, else the event.
const TABLE: &[(Status, [&str; 6])] = &[
    (Waiting, ["started", "held", "x", "completed", "cancelled", "="]),
    (InProgress, ["=", "held", "=", "completed", "cancelled", "x"]),
    (OnHold, ["x", "=", "resumed", "completed", "cancelled", "x"]),
    (Done, ["x", "x", "x", "=", "x", "reopened"]),
    (Cancelled, ["x", "x", "x", "x", "=", "reopened"]),
];

#[test]
fn every_transition_from_every_status() {
    let columns = [Start, Hold, Resume, Complete, Cancel, Reopen];
    assert_eq!(TABLE.len() * columns.len(), Status::ALL.len() * Transition::ALL.len());
    for (status, row) in TABLE {
        for (transition, expected) in columns.into_iter().zip(row) {
            let result = when(&standing(*status), ask(transition)).inspect_result();
            check(*status, transition, expected, result);
        }
    }
}

fn check(status: Status, transition: Transition, expected: &str, result: Result<Vec<TaskEvent>, TaskError>) {
    match expected {
        "=" => assert_eq!(result, Ok(vec![]), "{transition} while {status}"),
        "x" => {
            let allowed = status.allowed();
            let refusal = TaskError::TransitionNotAllowed { transition, status, allowed };
            assert_eq!(result, Err(refusal), "{transition} while {status}");
        }
        event => {
            let events = result.unwrap();
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].stored_type().0, format!("task.{event}"), "{transition} while {status}");
            let changed = serde_json::to_value(&events[0]).unwrap();
            let payload = &changed[events[0].stored_type().0];
            assert_eq!(payload["from"], status.as_str());
            assert_eq!(payload["to"], transition.target().as_str());
        }
    }
}

#[test]
fn allowed_names_exactly_the_transitions_that_change_something() {
    for status in Status::ALL {
        let changing = Transition::ALL
            .iter()
            .copied()
            .filter(|t| matches!(when(&standing(*status), ask(*t)).inspect_result(), Ok(e) if !e.is_empty()));
        assert_eq!(changing.collect::<Vec<_>>(), status.allowed(), "{status}");
    }
}

#[test]
fn the_reason_is_kept() {
    let reason = Some(Reason::parse("no slates left").unwrap());
    let command = TaskCommand::Transition { transition: Hold, reason: reason.clone() };
    when(&staffed(), command).then_expect_events(vec![TaskEvent::Held(StatusChange {
        from: Waiting,
        to: OnHold,
        reason,
    })]);
}

#[test]
fn assignees_may_move_a_task_others_may_not() {
    when_by(member(assignee()), &staffed(), ask(Start))
        .then_expect_events(vec![TaskEvent::Started(change(Waiting, InProgress))]);
    when_by(member(watcher()), &staffed(), ask(Start)).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &staffed(), ask(Start)).then_expect_error(TaskError::Forbidden);
}

#[test]
fn progress_is_set_by_assignees_and_completes_nothing() {
    let full = TaskCommand::SetProgress { progress: Progress::parse(100).unwrap() };
    let events = when_by(member(assignee()), &staffed(), full.clone()).inspect_result().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].stored_type().0, "task.progress_changed");
    when_by(member(creator()), &staffed(), full.clone()).then_expect_error(TaskError::Forbidden);

    let mut full_already = staffed();
    full_already.extend(events);
    when_by(member(assignee()), &full_already, full).then_expect_events(vec![]);
}
