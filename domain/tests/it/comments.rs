//! Comments: written by members, changed by their authors.

use domain::{
    actor::Actor,
    policy::{Role, RoleSet},
    task::{CommentEdited, CommentEntry, Commented, TaskCommand, TaskError, TaskEvent, values::MAX_COMMENTS},
    violation::Violation,
};

use crate::given::{
    after, comment, creator, invalid, markdown, member, member_and, private, staffed, stranger, watcher,
    when, when_by,
};

fn add(text: &str) -> TaskCommand {
    TaskCommand::AddComment { comment: comment(1), text: markdown(text) }
}

fn edit(text: &str) -> TaskCommand {
    TaskCommand::EditComment { comment: comment(1), text: markdown(text) }
}

fn delete() -> TaskCommand {
    TaskCommand::DeleteComment { comment: comment(1) }
}

fn written() -> TaskEvent {
    TaskEvent::Commented(Commented { comment: comment(1), author: stranger(), text: markdown("Hello") })
}

fn discussed() -> Vec<TaskEvent> {
    let mut events = staffed();
    events.push(written());
    events
}

#[test]
fn any_member_comments_on_what_he_sees() {
    when_by(member(stranger()), &staffed(), add("Hello")).then_expect_events(vec![written()]);
    when_by(member(stranger()), &private(), add("Hello")).then_expect_error(TaskError::NotFound);
    assert!(when_by(member(watcher()), &private(), add("Hello")).inspect_result().is_ok());
    let auditor = Actor::User { id: stranger(), roles: RoleSet::of(&[Role::Auditor]) };
    when_by(auditor, &private(), add("Hello")).then_expect_error(TaskError::Forbidden);
    when_by(Actor::System, &staffed(), add("Hello")).then_expect_error(TaskError::Forbidden);
}

#[test]
fn the_same_comment_again_is_already_so_another_takes_the_id() {
    when_by(member(stranger()), &discussed(), add("Hello")).then_expect_events(vec![]);
    when_by(member(stranger()), &discussed(), add("Other")).then_expect_error(TaskError::IdTaken);
    when_by(member(creator()), &discussed(), add("Hello")).then_expect_error(TaskError::IdTaken);
}

#[test]
fn an_edit_names_the_event_that_set_the_text_before() {
    let mut events = discussed();
    for (text, from) in [("Two", 4), ("Three", 5)] {
        let edited = CommentEdited { comment: comment(1), from, to: markdown(text) };
        let new = when_by(member(stranger()), &events, edit(text)).inspect_result().unwrap();
        assert_eq!(new, vec![TaskEvent::CommentEdited(edited)]);
        events.extend(new);
    }
    when_by(member(stranger()), &events, edit("Three")).then_expect_events(vec![]);
}

#[test]
fn only_the_author_edits_stewards_delete_too() {
    when_by(member(creator()), &discussed(), edit("Mine")).then_expect_error(TaskError::Forbidden);
    when_by(member_and(creator(), Role::Admin), &discussed(), edit("Mine"))
        .then_expect_error(TaskError::Forbidden);
    when_by(member(creator()), &discussed(), delete()).then_expect_error(TaskError::Forbidden);
    let gone = || vec![TaskEvent::CommentDeleted(CommentEntry { comment: comment(1) })];
    when_by(member(stranger()), &discussed(), delete()).then_expect_events(gone());
    when_by(member_and(creator(), Role::Manager), &discussed(), delete()).then_expect_events(gone());
}

#[test]
fn a_comment_that_is_not_there() {
    when(&staffed(), edit("Hello")).then_expect_error(TaskError::CommentNotFound);
    when(&staffed(), delete()).then_expect_error(TaskError::CommentNotFound);
    when_by(member(stranger()), &private(), delete()).then_expect_error(TaskError::NotFound);
}

#[test]
fn the_state_counts_comments_and_forgets_deleted_ones() {
    let mut events = discussed();
    assert_eq!(after(&events).comments.len(), 1);
    events.push(TaskEvent::CommentDeleted(CommentEntry { comment: comment(1) }));
    assert!(after(&events).comments.is_empty());
}

#[test]
fn a_task_holds_so_many_comments() {
    let mut events = staffed();
    events.extend((0..MAX_COMMENTS).map(|n| {
        let comment = domain::ids::CommentId(uuid::Uuid::from_u128(n as u128));
        TaskEvent::Commented(Commented { comment, author: stranger(), text: markdown("Hello") })
    }));
    when(&events, add("Hello"))
        .then_expect_error(invalid("comments", Violation::TooMany { max: MAX_COMMENTS }));
    events.pop();
    assert!(when(&events, add("Hello")).inspect_result().is_ok());
}
