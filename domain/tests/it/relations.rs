//! Relations and parents: no task comes before itself.

use domain::{
    event::Change,
    task::{
        EditTask, Facts, MAX_ANCESTORS, MAX_LINKED, TaskCommand, TaskContext, TaskError, TaskEvent, TaskFact,
        values::{MAX_RELATIONS, Relation, RelationType},
    },
    violation::Violation,
};

use crate::given::{context, creator, invalid, member, staffed, stranger, task, when, when_by, when_in};

use RelationType::{Blocks, Duplicates, Relates};

fn relation(kind: RelationType, n: u8) -> Relation {
    Relation { kind, task: task(n) }
}

fn add(kind: RelationType, n: u8) -> TaskCommand {
    TaskCommand::AddRelation(relation(kind, n))
}

fn set_parent(n: u8) -> TaskCommand {
    TaskCommand::Edit(Box::new(EditTask { parent: Some(Some(task(n))), ..EditTask::default() }))
}

fn fact(parent: Option<u8>, relations: &[Relation]) -> Option<TaskFact> {
    Some(TaskFact { visible: true, parent: parent.map(task), relations: relations.to_vec() })
}

fn among(tasks: impl IntoIterator<Item = (u8, Option<TaskFact>)>) -> TaskContext {
    let tasks = tasks.into_iter().map(|(n, fact)| (task(n), fact)).collect();
    TaskContext { facts: Facts { tasks, ..Facts::default() }, ..context(member(creator())) }
}

#[test]
fn links_are_added_and_cut() {
    let link = TaskEvent::RelationAdded(relation(Blocks, 2));
    when(&staffed(), add(Blocks, 2)).then_expect_events(vec![link.clone()]);
    let mut linked = staffed();
    linked.push(link);
    when(&linked, add(Blocks, 2)).then_expect_events(vec![]);
    when(&linked, TaskCommand::RemoveRelation(relation(Blocks, 2)))
        .then_expect_events(vec![TaskEvent::RelationRemoved(relation(Blocks, 2))]);
    when(&staffed(), TaskCommand::RemoveRelation(relation(Blocks, 2))).then_expect_events(vec![]);
}

#[test]
fn only_stewards_link() {
    when_by(member(stranger()), &staffed(), add(Blocks, 2)).then_expect_error(TaskError::Forbidden);
}

#[test]
fn the_other_task_must_be_there_and_be_seen() {
    let unknown = |n| invalid("task", Violation::UnknownTask { task: task(n) });
    when(&staffed(), add(Relates, 77)).then_expect_error(unknown(77));
    let hidden = Some(TaskFact { visible: false, parent: None, relations: vec![] });
    when_in(among([(2, hidden.clone()), (3, None)]), &staffed(), add(Blocks, 2))
        .then_expect_error(unknown(2));
    when_in(among([(2, hidden), (3, None)]), &staffed(), add(Blocks, 3)).then_expect_error(unknown(3));
    when(&staffed(), add(Relates, 1)).then_expect_error(invalid("task", Violation::SelfReference));
}

#[test]
fn chains_of_one_kind_do_not_come_back() {
    for kind in [Blocks, Duplicates] {
        let chain = || {
            among([
                (2, fact(None, &[relation(kind, 3), relation(kind, 4)])),
                (3, fact(None, &[])),
                (4, fact(None, &[relation(kind, 1)])),
            ])
        };
        when_in(chain(), &staffed(), add(kind, 2)).then_expect_error(invalid("task", Violation::Cycle));
        when_in(chain(), &staffed(), add(kind, 3))
            .then_expect_events(vec![TaskEvent::RelationAdded(relation(kind, 3))]);
        assert!(when_in(chain(), &staffed(), add(Relates, 2)).inspect_result().is_ok());
    }
    let mixed = among([(2, fact(None, &[relation(Duplicates, 1)]))]);
    assert!(when_in(mixed, &staffed(), add(Blocks, 2)).inspect_result().is_ok());
}

#[test]
fn relates_holds_both_ways() {
    let other_keeps_it = among([(2, fact(None, &[relation(Relates, 1)]))]);
    when_in(other_keeps_it, &staffed(), add(Relates, 2)).then_expect_events(vec![]);
}

#[test]
fn a_task_is_not_among_its_ancestors() {
    let chain = || among([(2, fact(Some(3), &[])), (3, fact(Some(1), &[])), (4, fact(None, &[]))]);
    when_in(chain(), &staffed(), set_parent(2)).then_expect_error(invalid("parent", Violation::Cycle));
    when_in(chain(), &staffed(), set_parent(1))
        .then_expect_error(invalid("parent", Violation::SelfReference));
    when_in(chain(), &staffed(), set_parent(4))
        .then_expect_events(vec![TaskEvent::ParentChanged(Change { from: None, to: Some(task(4)) })]);
}

#[test]
fn chains_have_limits() {
    let line = (2..=100).map(|n| (n, fact(Some(n + 1), &[])));
    when_in(among(line), &staffed(), set_parent(2))
        .then_expect_error(invalid("parent", Violation::TooDeep { max: MAX_ANCESTORS }));

    let mut wide = among([]);
    let many = (0..=MAX_LINKED).map(|n| domain::ids::TaskId(uuid::Uuid::from_u128(n as u128 + 1)));
    let relations = many.map(|task| Relation { kind: Blocks, task }).collect();
    wide.facts.tasks.insert(task(2), Some(TaskFact { visible: true, parent: None, relations }));
    when_in(wide, &staffed(), add(Blocks, 2))
        .then_expect_error(invalid("task", Violation::TooDeep { max: MAX_LINKED }));
}

#[test]
fn a_task_keeps_so_many_relations() {
    let mut events = staffed();
    let many = (0..MAX_RELATIONS).map(|n| domain::ids::TaskId(uuid::Uuid::from_u128(n as u128 + 1)));
    events.extend(many.map(|task| TaskEvent::RelationAdded(Relation { kind: Relates, task })));
    let full = invalid("relations", Violation::TooMany { max: MAX_RELATIONS });
    when(&events, add(Relates, 2)).then_expect_error(full);
    events.pop();
    assert!(when(&events, add(Relates, 2)).inspect_result().is_ok());
}
