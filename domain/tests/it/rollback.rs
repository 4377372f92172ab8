//! Setting the content back to an earlier version.

use domain::{
    event::Change,
    policy::Role,
    task::{
        ChecklistItemEntry, ChecklistItemText, DescriptionChanged, Facts, LabelEntry, RolledBack,
        TaskCommand, TaskContext, TaskError, TaskEvent,
        values::{ChecklistText, Priority},
    },
    violation::Violation,
};

use crate::given::{
    after, assignee, context, creator, facts, invalid, item, label, markdown, member, member_and, private,
    staffed, stranger, title, when_in,
};

/// The facts as the executor loads them: the contents after each of these events.
fn remembering(events: &[TaskEvent]) -> Facts {
    let versions = (1..=events.len()).map(|count| {
        let content = after(&events[..count]).content();
        (i64::try_from(count).unwrap(), Some(content))
    });
    Facts { contents: versions.collect(), ..facts() }
}

fn roll_back(events: &[TaskEvent], version: i64) -> Result<Vec<TaskEvent>, TaskError> {
    let context = TaskContext { facts: remembering(events), ..context(member(creator())) };
    when_in(context, events, TaskCommand::RollBack { version }).inspect_result()
}

fn labelled(text: &str) -> TaskEvent {
    TaskEvent::LabelAdded(LabelEntry { label: label(text) })
}

fn listed(n: u8) -> ChecklistItemText {
    ChecklistItemText { item: item(n), text: ChecklistText::parse("ladder").unwrap() }
}

fn retitled(from: &str, to: &str) -> TaskEvent {
    TaskEvent::TitleChanged(Change { from: title(from), to: title(to) })
}

#[test]
fn one_event_says_so_and_one_each_what_changes() {
    let described = DescriptionChanged { from: None, to: Some(markdown("slates")) };
    let events = [
        staffed(),
        vec![
            retitled("Fix the roof", "Fix it"),
            TaskEvent::DescriptionChanged(described),
            TaskEvent::PriorityChanged(Change { from: Priority::Normal, to: Priority::High }),
            labelled("roof"),
            TaskEvent::ChecklistItemAdded(listed(1)),
        ],
    ]
    .concat();
    let expected = vec![
        TaskEvent::RolledBack(RolledBack { to: 3 }),
        retitled("Fix it", "Fix the roof"),
        TaskEvent::DescriptionChanged(DescriptionChanged { from: Some(5), to: None }),
        TaskEvent::PriorityChanged(Change { from: Priority::High, to: Priority::Normal }),
        TaskEvent::LabelRemoved(LabelEntry { label: label("roof") }),
        TaskEvent::ChecklistItemRemoved(listed(1)),
    ];
    assert_eq!(roll_back(&events, 3), Ok(expected.clone()));
    assert_eq!(roll_back(&events, 8), Ok(vec![]));
    let back = [events, expected].concat();
    assert_eq!(roll_back(&back, 3), Ok(vec![]));
    assert_eq!(
        after(&roll_back(&back, 8).map(|events| [back.clone(), events].concat()).unwrap()).title,
        Some(title("Fix it"))
    );
}

#[test]
fn what_stood_first_stands_first_again() {
    let checked = TaskEvent::ChecklistItemChecked(ChecklistItemEntry { item: item(1) });
    let begun = [
        staffed(),
        vec![
            labelled("a"),
            labelled("b"),
            TaskEvent::ChecklistItemAdded(listed(1)),
            checked.clone(),
            TaskEvent::ChecklistItemAdded(listed(2)),
        ],
    ]
    .concat();
    let events = [
        begun.clone(),
        vec![
            TaskEvent::LabelRemoved(LabelEntry { label: label("a") }),
            TaskEvent::ChecklistItemRemoved(listed(1)),
            TaskEvent::ChecklistItemAdded(listed(3)),
        ],
    ]
    .concat();
    let back = roll_back(&events, 8).unwrap();
    let expected = vec![
        TaskEvent::RolledBack(RolledBack { to: 8 }),
        TaskEvent::LabelRemoved(LabelEntry { label: label("b") }),
        labelled("a"),
        labelled("b"),
        TaskEvent::ChecklistItemRemoved(listed(2)),
        TaskEvent::ChecklistItemRemoved(listed(3)),
        TaskEvent::ChecklistItemAdded(listed(1)),
        checked,
        TaskEvent::ChecklistItemAdded(listed(2)),
    ];
    assert_eq!(back, expected);
    assert_eq!(after(&[events, back].concat()).content(), after(&begun).content());
}

#[test]
fn there_must_have_been_such_a_version() {
    for version in [-1, 0, 4] {
        let range = Violation::OutOfRange { min: 1, max: 3 };
        assert_eq!(roll_back(&staffed(), version), Err(invalid("version", range)));
    }
}

#[test]
fn who_may_edit_may_set_back() {
    let events = [staffed(), vec![retitled("Fix the roof", "Fix it")]].concat();
    let ask = |actor, events: &[TaskEvent]| {
        let context = TaskContext { facts: remembering(events), ..context(actor) };
        when_in(context, events, TaskCommand::RollBack { version: 1 }).inspect_result()
    };
    for actor in
        [member(creator()), member_and(stranger(), Role::Manager), member_and(stranger(), Role::Admin)]
    {
        assert!(ask(actor, &events).is_ok());
    }
    for actor in [member(assignee()), member(stranger())] {
        assert_eq!(ask(actor, &events), Err(TaskError::Forbidden));
    }
    assert_eq!(ask(member(stranger()), &private()), Err(TaskError::NotFound));
    let deleted = [events, vec![TaskEvent::Deleted(domain::event::Nothing {})]].concat();
    assert_eq!(ask(member(creator()), &deleted), Err(TaskError::NotFound));
}

#[test]
fn only_the_content_is_looked_up() {
    let task = after(&staffed());
    let needs = |version| {
        let command = TaskCommand::RollBack { version };
        command.needs(&task, crate::given::task(1), &Facts::default()).version
    };
    assert_eq!([0, 1, 2, 3, 4].map(needs), [None, Some(1), Some(2), None, None]);
    let edit = TaskCommand::Edit(Box::default());
    assert!(edit.needs(&task, crate::given::task(1), &Facts::default()).is_empty());
}
