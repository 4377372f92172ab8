//! Facts are asked for one step a time, until none is missing.

use domain::task::{
    EditTask, Facts, Needs, Task, TaskCommand, TaskFact, UserFact,
    values::{Relation, RelationType},
};

use crate::given::{after, create, staffed, task, title, user};

fn fact(parent: Option<u8>) -> Option<TaskFact> {
    Some(TaskFact { visible: true, parent: parent.map(task), relations: vec![] })
}

fn tasks(n: &[u8]) -> Needs {
    Needs { tasks: n.iter().copied().map(task).collect(), ..Needs::default() }
}

fn users(n: &[u8]) -> Needs {
    Needs { users: n.iter().copied().map(user).collect(), ..Needs::default() }
}

#[test]
fn a_chain_is_followed_step_by_step() {
    let command =
        TaskCommand::Edit(Box::new(EditTask { parent: Some(Some(task(2))), ..EditTask::default() }));
    let state = after(&staffed());
    let mut facts = Facts::default();
    assert_eq!(command.needs(&state, task(1), &facts), tasks(&[2]));
    facts.tasks.insert(task(2), fact(Some(3)));
    assert_eq!(command.needs(&state, task(1), &facts), tasks(&[3]));
    facts.tasks.insert(task(3), fact(None));
    assert!(command.needs(&state, task(1), &facts).is_empty());
}

#[test]
fn a_whole_level_of_a_graph_is_asked_for_at_once() {
    let link = |n| Relation { kind: RelationType::Blocks, task: task(n) };
    let command = TaskCommand::AddRelation(link(2));
    let mut facts = Facts::default();
    let relations = vec![link(3), link(4)];
    facts.tasks.insert(task(2), Some(TaskFact { visible: true, parent: Some(task(9)), relations }));
    assert_eq!(command.needs(&after(&staffed()), task(1), &facts), tasks(&[3, 4]));
    facts.tasks.insert(task(3), None);
    assert_eq!(command.needs(&after(&staffed()), task(1), &facts), tasks(&[4]));
}

#[test]
fn only_those_who_would_join_are_looked_up() {
    let assign = TaskCommand::Assign { assignees: vec![user(2), user(3), user(4)] };
    let mut facts = Facts::default();
    assert_eq!(assign.needs(&after(&staffed()), task(1), &facts), users(&[3, 4]));
    facts.users.insert(user(3), Some(UserFact { active: true }));
    facts.users.insert(user(4), None);
    assert!(assign.needs(&after(&staffed()), task(1), &facts).is_empty());
}

#[test]
fn a_plain_create_needs_nothing() {
    let plain = TaskCommand::Create(Box::new(create("Plain")));
    assert!(plain.needs(&Task::default(), task(1), &Facts::default()).is_empty());
    let mut rich = create("Rich");
    rich.assignees = vec![user(2)];
    rich.parent = Some(task(3));
    let needs = TaskCommand::Create(Box::new(rich)).needs(&Task::default(), task(1), &Facts::default());
    assert_eq!((needs.users, needs.tasks), (users(&[2]).users, tasks(&[3]).tasks));
}

#[test]
fn a_parent_that_stays_is_not_looked_up() {
    let mut state = after(&staffed());
    state.parent = Some(task(2));
    let edit = EditTask { parent: Some(Some(task(2))), title: Some(title("New")), ..EditTask::default() };
    assert!(TaskCommand::Edit(Box::new(edit)).needs(&state, task(1), &Facts::default()).is_empty());
}
