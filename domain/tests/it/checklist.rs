//! The checklist.

use domain::{
    task::{
        ChecklistItemEntry, ChecklistItemRenamed, ChecklistItemText, TaskCommand, TaskError, TaskEvent,
        values::{ChecklistText, MAX_CHECKLIST},
    },
    violation::Violation,
};

use crate::given::{after, assignee, invalid, item, member, staffed, stranger, when, when_by};

fn text(text: &str) -> ChecklistText {
    ChecklistText::parse(text).unwrap()
}

fn add(n: u8, words: &str) -> TaskCommand {
    TaskCommand::AddChecklistItem { item: item(n), text: text(words) }
}

fn edit(words: Option<&str>, done: Option<bool>) -> TaskCommand {
    TaskCommand::EditChecklistItem { item: item(1), text: words.map(text), done }
}

fn added(n: u8, words: &str) -> TaskEvent {
    TaskEvent::ChecklistItemAdded(ChecklistItemText { item: item(n), text: text(words) })
}

fn listed() -> Vec<TaskEvent> {
    let mut events = staffed();
    events.extend([added(1, "ladder"), added(2, "slates")]);
    events
}

#[test]
fn items_come_once() {
    when(&staffed(), add(1, "ladder")).then_expect_events(vec![added(1, "ladder")]);
    when(&listed(), add(1, "ladder")).then_expect_events(vec![]);
    when(&listed(), add(1, "hammer")).then_expect_error(TaskError::IdTaken);
}

#[test]
fn rename_and_check_are_two_facts() {
    let renamed = ChecklistItemRenamed { item: item(1), from: text("ladder"), to: text("long ladder") };
    let checked = TaskEvent::ChecklistItemChecked(ChecklistItemEntry { item: item(1) });
    let events = vec![TaskEvent::ChecklistItemRenamed(renamed), checked];
    when(&listed(), edit(Some("long ladder"), Some(true))).then_expect_events(events.clone());

    let mut done = listed();
    done.extend(events);
    assert!(after(&done).checklist[0].done);
    when(&done, edit(Some("long ladder"), Some(true))).then_expect_events(vec![]);
    when(&done, edit(None, Some(false)))
        .then_expect_events(vec![TaskEvent::ChecklistItemUnchecked(ChecklistItemEntry { item: item(1) })]);
}

#[test]
fn removing_says_what_was_removed() {
    let remove = TaskCommand::RemoveChecklistItem { item: item(2) };
    let removed = ChecklistItemText { item: item(2), text: text("slates") };
    when(&listed(), remove.clone()).then_expect_events(vec![TaskEvent::ChecklistItemRemoved(removed)]);
    when(&staffed(), remove).then_expect_error(TaskError::ChecklistItemNotFound);
    when(&staffed(), edit(None, Some(true))).then_expect_error(TaskError::ChecklistItemNotFound);
}

#[test]
fn the_list_has_a_limit() {
    let mut events = staffed();
    let many = u8::try_from(MAX_CHECKLIST).unwrap();
    events.extend((0..many).map(|n| added(n, "again")));
    when(&events, add(255, "one more"))
        .then_expect_error(invalid("checklist", Violation::TooMany { max: MAX_CHECKLIST }));
}

#[test]
fn assignees_tick_strangers_do_not() {
    assert!(when_by(member(assignee()), &listed(), edit(None, Some(true))).inspect_result().is_ok());
    when_by(member(stranger()), &listed(), edit(None, Some(true))).then_expect_error(TaskError::Forbidden);
}
