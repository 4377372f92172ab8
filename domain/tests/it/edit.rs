//! Editing fields: one event for each that changes, none for those that do not.

use domain::{
    event::Change,
    policy::Role,
    task::{
        Created, DescriptionChanged, EditTask, LabelEntry, TaskCommand, TaskError, TaskEvent,
        values::{Due, ExternalRef, MAX_LABELS, Priority, Visibility},
    },
    violation::Violation,
};

use crate::given::{
    after, assignee, created, invalid, label, markdown, member, member_and, private, staffed, stranger, task,
    title, when, when_by,
};

fn command(edit: EditTask) -> TaskCommand {
    TaskCommand::Edit(Box::new(edit))
}

fn everything() -> EditTask {
    EditTask {
        title: Some(title("Mend the roof")),
        description: Some(Some(markdown("Slates are in the *yard*."))),
        priority: Some(Priority::High),
        due: Some(Some(Due::Date { date: Due::parse_date("2026-12-24").unwrap() })),
        labels: Some(vec![label("house"), label("winter")]),
        parent: Some(Some(task(2))),
        external_ref: Some(Some(ExternalRef::new("desk".into(), "42".into()))),
        visibility: Some(Visibility::Private),
    }
}

fn labelled() -> Vec<TaskEvent> {
    vec![TaskEvent::Created(Created { labels: vec![label("roof"), label("house")], ..created() })]
}

#[test]
fn one_event_for_each_field_that_changes() {
    let edit = everything();
    when(&labelled(), command(edit.clone())).then_expect_events(vec![
        TaskEvent::TitleChanged(Change { from: title("Fix the roof"), to: title("Mend the roof") }),
        TaskEvent::DescriptionChanged(DescriptionChanged { from: None, to: edit.description.unwrap() }),
        TaskEvent::PriorityChanged(Change { from: Priority::Normal, to: Priority::High }),
        TaskEvent::DueChanged(Change { from: None, to: edit.due.unwrap() }),
        TaskEvent::LabelRemoved(LabelEntry { label: label("roof") }),
        TaskEvent::LabelAdded(LabelEntry { label: label("winter") }),
        TaskEvent::ParentChanged(Change { from: None, to: Some(task(2)) }),
        TaskEvent::ExternalRefChanged(Change { from: None, to: edit.external_ref.unwrap() }),
        TaskEvent::VisibilityChanged(Change { from: Visibility::Team, to: Visibility::Private }),
    ]);
}

#[test]
fn the_same_again_is_already_so() {
    let mut events = labelled();
    events.extend(when(&labelled(), command(everything())).inspect_result().unwrap());
    when(&events, command(everything())).then_expect_events(vec![]);
    when(&events, command(EditTask::default())).then_expect_events(vec![]);
}

#[test]
fn clearing_and_keeping_differ() {
    let mut events = labelled();
    events.extend(when(&labelled(), command(everything())).inspect_result().unwrap());
    let clear = EditTask {
        description: Some(None),
        due: Some(None),
        labels: Some(vec![]),
        parent: Some(None),
        external_ref: Some(None),
        ..EditTask::default()
    };
    events.extend(when(&events, command(clear)).inspect_result().unwrap());
    let task = after(&events);
    assert_eq!((task.description, task.due, task.parent, task.external_ref), (None, None, None, None));
    assert!(task.labels.is_empty());
    assert_eq!((task.title, task.priority), (Some(title("Mend the roof")), Priority::High));
}

#[test]
fn a_description_names_the_event_that_set_the_one_before() {
    let describe =
        |text: &str| command(EditTask { description: Some(Some(markdown(text))), ..EditTask::default() });
    let mut events = labelled();
    for (text, from) in [("one", None), ("two", Some(2)), ("three", Some(3))] {
        let to = Some(markdown(text));
        let new = when(&events, describe(text)).inspect_result().unwrap();
        assert_eq!(new, vec![TaskEvent::DescriptionChanged(DescriptionChanged { from, to })]);
        events.extend(new);
    }
}

#[test]
fn too_many_labels() {
    let labels = (0..=MAX_LABELS).map(|n| label(&format!("l{n}"))).collect();
    let edit = EditTask { labels: Some(labels), ..EditTask::default() };
    when(&labelled(), command(edit))
        .then_expect_error(invalid("labels", Violation::TooMany { max: MAX_LABELS }));
}

#[test]
fn stewards_edit_others_do_not() {
    let edit = || command(EditTask { priority: Some(Priority::Low), ..EditTask::default() });
    for role in [Role::Manager, Role::Admin] {
        let events = when_by(member_and(stranger(), role), &staffed(), edit()).inspect_result();
        assert_eq!(events.unwrap().len(), 1);
    }
    when_by(member(assignee()), &staffed(), edit()).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &staffed(), edit()).then_expect_error(TaskError::Forbidden);
    when_by(member(stranger()), &private(), edit()).then_expect_error(TaskError::NotFound);
    when_by(member_and(stranger(), Role::Manager), &private(), edit()).then_expect_error(TaskError::NotFound);
}
