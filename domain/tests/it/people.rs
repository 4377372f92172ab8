//! Assignees and watchers.

use domain::{
    policy::Role,
    task::{
        AssigneeEntry, TaskCommand, TaskError, TaskEvent, UserFact, WatcherEntry,
        values::{MAX_ASSIGNEES, MAX_WATCHERS},
    },
    violation::{FieldViolation, Violation},
};

use crate::given::{
    after, assignee, context, creator, invalid, member, member_and, private, sleeper, staffed, stranger,
    user, watcher, when, when_by, when_in,
};

fn assign(n: &[u8]) -> TaskCommand {
    TaskCommand::Assign { assignees: n.iter().copied().map(user).collect() }
}

fn unassign(n: &[u8]) -> TaskCommand {
    TaskCommand::Unassign { assignees: n.iter().copied().map(user).collect() }
}

fn watch(n: &[u8]) -> TaskCommand {
    TaskCommand::Watch { watchers: n.iter().copied().map(user).collect() }
}

fn assigned(n: u8) -> TaskEvent {
    TaskEvent::Assigned(AssigneeEntry { assignee: user(n) })
}

fn watched(n: u8) -> TaskEvent {
    TaskEvent::Watched(WatcherEntry { user: user(n) })
}

#[test]
fn one_event_for_each_who_is_new() {
    when(&staffed(), assign(&[2, 3, 4, 3])).then_expect_events(vec![assigned(3), assigned(4)]);
    when(&staffed(), assign(&[2])).then_expect_events(vec![]);
    when(&staffed(), unassign(&[2, 3]))
        .then_expect_events(vec![TaskEvent::Unassigned(AssigneeEntry { assignee: assignee() })]);
    when(&staffed(), unassign(&[4])).then_expect_events(vec![]);
}

#[test]
fn the_inactive_are_named() {
    when(&staffed(), assign(&[4, 9, 66])).then_expect_error(TaskError::Invalid(vec![
        FieldViolation::of_entry("assignees", 1, Violation::UserNotActive { user: sleeper() }),
        FieldViolation::of_entry("assignees", 2, Violation::UserNotActive { user: user(66) }),
    ]));
    when(&staffed(), watch(&[9])).then_expect_error(TaskError::Invalid(vec![FieldViolation::of_entry(
        "watchers",
        0,
        Violation::UserNotActive { user: sleeper() },
    )]));
}

#[test]
fn one_who_fell_asleep_can_be_taken_away() {
    let mut events = staffed();
    events.push(assigned(9));
    when(&events, unassign(&[9]))
        .then_expect_events(vec![TaskEvent::Unassigned(AssigneeEntry { assignee: sleeper() })]);
    when(&events, assign(&[9])).then_expect_events(vec![]);
}

#[test]
fn lists_have_limits() {
    for (max, member_name, command) in
        [(MAX_ASSIGNEES, "assignees", assign as fn(&[u8]) -> _), (MAX_WATCHERS, "watchers", watch)]
    {
        let crowd: Vec<u8> = (10..).take(max).collect();
        let mut context = context(member(creator()));
        let active = Some(UserFact { active: true });
        context.facts.users.extend(crowd.iter().map(|n| (user(*n), active)));
        let room = when_in(context.clone(), &staffed(), command(&crowd[1..])).inspect_result();
        assert_eq!(room.unwrap().len(), max - 1);
        when_in(context, &staffed(), command(&crowd))
            .then_expect_error(invalid(member_name, Violation::TooMany { max }));
    }
}

#[test]
fn a_member_takes_and_leaves_team_tasks_himself_only() {
    when_by(member(stranger()), &staffed(), assign(&[4])).then_expect_events(vec![assigned(4)]);
    when_by(member(stranger()), &staffed(), assign(&[3])).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &staffed(), assign(&[4, 3])).then_expect_error(TaskError::Forbidden);
    when_by(member(assignee()), &staffed(), unassign(&[2]))
        .then_expect_events(vec![TaskEvent::Unassigned(AssigneeEntry { assignee: assignee() })]);
    when_by(member_and(stranger(), Role::Manager), &staffed(), assign(&[3]))
        .then_expect_events(vec![assigned(3)]);
}

#[test]
fn private_tasks_are_staffed_by_their_creator_and_seen_by_those_assigned() {
    when_by(member(watcher()), &private(), assign(&[3])).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &private(), assign(&[4])).then_expect_error(TaskError::NotFound);
    let mut events = private();
    events.extend(when(&private(), assign(&[4])).inspect_result().unwrap());
    assert!(after(&events).relation(&member(stranger())).assignee);
    let start = TaskCommand::Transition { transition: domain::task::values::Transition::Start, reason: None };
    assert!(when_by(member(stranger()), &events, start).inspect_result().is_ok());
}

#[test]
fn everybody_watches_himself_stewards_add_others() {
    when_by(member(stranger()), &staffed(), watch(&[4])).then_expect_events(vec![watched(4)]);
    when_by(member(stranger()), &staffed(), watch(&[2])).then_expect_error(TaskError::Forbidden);
    when(&staffed(), watch(&[2, 3])).then_expect_events(vec![watched(2)]);
    let unwatch = TaskCommand::Unwatch { watchers: vec![watcher()] };
    when_by(member(watcher()), &staffed(), unwatch)
        .then_expect_events(vec![TaskEvent::Unwatched(WatcherEntry { user: watcher() })]);
}
