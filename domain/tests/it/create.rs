//! Creating a task (A4).

use domain::{
    actor::Actor,
    policy::{Role, RoleSet},
    task::{
        CreateTask, Created, TaskCommand, TaskError, TaskEvent,
        values::{MAX_ASSIGNEES, MAX_LABELS},
    },
    violation::{FieldViolation, Violation},
};

use crate::given::{
    MEMBER, assignee, context, create, created, creator, label, member, sleeper, staffed, stranger, task,
    user, when, when_by, when_in,
};

fn command(create: CreateTask) -> TaskCommand {
    TaskCommand::Create(Box::new(create))
}

#[test]
fn a_title_is_enough() {
    when(&[], command(create("Fix the roof"))).then_expect_events(vec![TaskEvent::Created(created())]);
}

#[test]
fn entries_given_twice_count_once() {
    let twice = CreateTask {
        labels: vec![label("roof"), label("house"), label("roof")],
        assignees: vec![assignee(), assignee()],
        ..create("Fix the roof")
    };
    when(&[], command(twice)).then_expect_events(vec![TaskEvent::Created(Created {
        labels: vec![label("roof"), label("house")],
        assignees: vec![assignee()],
        ..created()
    })]);
}

#[test]
fn an_id_is_used_once() {
    when(&staffed(), command(create("Another"))).then_expect_error(TaskError::IdTaken);
}

#[test]
fn only_members_create() {
    let auditor = Actor::User { id: stranger(), roles: RoleSet::of(&[Role::Auditor]) };
    when_by(auditor, &[], command(create("Mine"))).then_expect_error(TaskError::Forbidden);
    when_by(Actor::Anonymous, &[], command(create("Mine"))).then_expect_error(TaskError::Forbidden);
    when_by(Actor::System, &[], command(create("Mine"))).then_expect_error(TaskError::Forbidden);
}

#[test]
fn an_import_creates_in_the_name_of_the_original_person() {
    let by = |roles| Actor::Import { person: creator(), roles };
    when_by(by(MEMBER.with(Role::Admin)), &[], command(create("Fix the roof")))
        .then_expect_events(vec![TaskEvent::Created(created())]);
    when_by(by(MEMBER), &[], command(create("Fix the roof"))).then_expect_error(TaskError::Forbidden);
}

#[test]
fn all_broken_rules_are_told_at_once() {
    let labels = (0..=MAX_LABELS).map(|n| label(&format!("l{n}"))).collect();
    let wrong = CreateTask {
        labels,
        assignees: vec![assignee(), sleeper(), user(77)],
        parent: Some(task(88)),
        ..create("Wrong in many ways")
    };
    when(&[], command(wrong)).then_expect_error(TaskError::Invalid(vec![
        FieldViolation::of("labels", Violation::TooMany { max: MAX_LABELS }),
        FieldViolation::of_entry("assignees", 1, Violation::UserNotActive { user: sleeper() }),
        FieldViolation::of_entry("assignees", 2, Violation::UserNotActive { user: user(77) }),
        FieldViolation::of("parent", Violation::UnknownTask { task: task(88) }),
    ]));
}

#[test]
fn a_crowd_is_too_much() {
    let mut context = context(member(creator()));
    let crowd: Vec<_> = (100..=100 + u8::try_from(MAX_ASSIGNEES).unwrap()).map(user).collect();
    let active = Some(domain::task::UserFact { active: true });
    context.facts.users.extend(crowd.iter().map(|id| (*id, active)));
    let wrong = CreateTask { assignees: crowd, ..create("Crowd") };
    when_in(context, &[], command(wrong))
        .then_expect_error(crate::given::invalid("assignees", Violation::TooMany { max: MAX_ASSIGNEES }));
}

#[test]
fn a_task_is_not_its_own_parent() {
    let own = CreateTask { parent: Some(task(1)), ..create("Snake") };
    when(&[], command(own)).then_expect_error(crate::given::invalid("parent", Violation::SelfReference));
}
