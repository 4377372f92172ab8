//! Random histories through the real domain: whatever decides, decides as in production.

use chrono::{DateTime, NaiveDate};
use cqrs_es::Aggregate;
use domain::{
    actor::Actor,
    ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId},
    policy::{Role, RoleSet},
    task::{
        CreateTask, EditTask, Facts, Task, TaskCommand, TaskContext, TaskEvent, TaskFact, UserFact,
        values::{
            ChecklistText, Due, ExternalRef, Label, Markdown, Priority, Progress, Relation, RelationType,
            Title, Transition, Visibility,
        },
    },
    time::{TimeZone, Timestamp},
};
use proptest::prelude::*;
use uuid::Uuid;

/// A wish with small numbers in place of ids, so that wishes meet.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Title(String),
    Description(Option<String>),
    Priority(Priority),
    Due(Option<u8>),
    Labels(Vec<u8>),
    Parent(Option<u8>),
    Reference(Option<u8>),
    Private(bool),
    Transition(Transition),
    Assign(Vec<u8>),
    Unassign(Vec<u8>),
    Watch(Vec<u8>),
    Unwatch(Vec<u8>),
    Progress(u8),
    Comment(u8, String),
    EditComment(u8, String),
    DeleteComment(u8),
    Item(u8, String),
    EditItem(u8, Option<String>, Option<bool>),
    RemoveItem(u8),
    Relate(RelationType, u8),
    Unrelate(RelationType, u8),
    Delete,
    Undelete,
    RollBack(u8),
}

/// Texts with everything that SQL, COPY and array literals could stumble over.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,12}( [a-z]{1,8}){0,3}",
        "[가-힣]{1,6}( [가-힣]{1,3}){0,2}",
        Just("tab\tand\nnew line \\N \\. {\"a\",b} 'q' NULL \u{1F600}".to_owned()),
    ]
}

fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\n', '\t'], " "))
}

fn few() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..5_u8, 0..4)
}

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let some = prop::option::of(0..5_u8);
    prop_oneof![
        1 => line().prop_map(Wish::Title),
        1 => prop::option::of(text()).prop_map(Wish::Description),
        1 => prop::sample::select(Priority::ALL).prop_map(Wish::Priority),
        1 => some.clone().prop_map(Wish::Due),
        1 => few().prop_map(Wish::Labels),
        1 => some.clone().prop_map(Wish::Parent),
        1 => some.prop_map(Wish::Reference),
        1 => any::<bool>().prop_map(Wish::Private),
        8 => prop::sample::select(Transition::ALL).prop_map(Wish::Transition),
        1 => few().prop_map(Wish::Assign),
        1 => few().prop_map(Wish::Unassign),
        1 => few().prop_map(Wish::Watch),
        1 => few().prop_map(Wish::Unwatch),
        1 => (0..=100_u8).prop_map(Wish::Progress),
        3 => (0..5_u8, text()).prop_map(|(id, text)| Wish::Comment(id, text)),
        2 => (0..5_u8, text()).prop_map(|(id, text)| Wish::EditComment(id, text)),
        1 => (0..5_u8).prop_map(Wish::DeleteComment),
        2 => (0..5_u8, line()).prop_map(|(id, text)| Wish::Item(id, text)),
        1 => (0..5_u8, prop::option::of(line()), any::<Option<bool>>())
            .prop_map(|(id, text, done)| Wish::EditItem(id, text, done)),
        1 => (0..5_u8).prop_map(Wish::RemoveItem),
        1 => (prop::sample::select(RelationType::ALL), 0..5_u8).prop_map(|(kind, id)| Wish::Relate(kind, id)),
        1 => (prop::sample::select(RelationType::ALL), 0..5_u8).prop_map(|(kind, id)| Wish::Unrelate(kind, id)),
        1 => Just(Wish::Delete),
        1 => Just(Wish::Undelete),
        2 => (1..20_u8).prop_map(Wish::RollBack),
    ]
}

/// One task and what happened to it.
#[derive(Debug)]
pub(crate) struct History {
    pub id: TaskId,
    pub events: Vec<(TaskEvent, Timestamp)>,
}

/// An id that the same number always means, apart for each kind and base.
fn id(base: Uuid, kind: u8, number: u8) -> Uuid {
    Uuid::from_u128(base.as_u128() ^ (u128::from(kind) << 8) ^ u128::from(number))
}

/// What the domain makes of the wishes; those that it refuses leave no trace.
pub(crate) fn history(key: i64, wishes: &[Wish]) -> History {
    let task = TaskId(Uuid::now_v7());
    let users: Vec<UserId> = (0..5).map(|number| UserId(id(task.0, 1, number))).collect();
    let others: Vec<TaskId> = (0..5).map(|number| TaskId(id(task.0, 2, number))).collect();
    let roles = RoleSet::of(&[Role::Member, Role::Manager, Role::Admin]);
    let free = TaskFact { visible: true, parent: None, relations: Vec::new() };
    let mut facts = Facts {
        users: users.iter().map(|user| (*user, Some(UserFact { active: true }))).collect(),
        tasks: others.iter().map(|other| (*other, Some(free.clone()))).collect(),
        ..Facts::default()
    };
    let mut state = Task::default();
    let mut history = History { id: task, events: Vec::new() };
    let title = Title::parse("a task").unwrap();
    let create = TaskCommand::Create(Box::new(CreateTask::new(TaskKey(key), title)));
    let commands = std::iter::once(create).chain(wishes.iter().map(|wish| command(task.0, wish)));
    for (second, command) in (1_700_000_000..).zip(commands) {
        let now = Timestamp::from(DateTime::from_timestamp(second, 123_456_000).unwrap());
        let actor = Actor::User { id: users[0], roles };
        let context = TaskContext { task, actor, now, facts: facts.clone() };
        for event in state.decide(command, &context).unwrap_or_default() {
            state.apply(event.clone());
            facts.contents.insert(state.version, Some(state.content()));
            history.events.push((event, now));
        }
    }
    history
}

fn command(base: Uuid, wish: &Wish) -> TaskCommand {
    let users = |numbers: &[u8]| numbers.iter().map(|number| UserId(id(base, 1, *number))).collect();
    let other = |number: &u8| TaskId(id(base, 2, *number));
    let comment = |number: &u8| CommentId(id(base, 3, *number));
    let item = |number: &u8| ChecklistItemId(id(base, 4, *number));
    let markdown = |text: &str| Markdown::parse(text).unwrap();
    let edit = |edit: EditTask| TaskCommand::Edit(Box::new(edit));
    match wish {
        Wish::Title(text) => {
            edit(EditTask { title: Some(Title::parse(text).unwrap()), ..EditTask::default() })
        }
        Wish::Description(text) => {
            edit(EditTask { description: Some(text.as_deref().map(markdown)), ..EditTask::default() })
        }
        Wish::Priority(priority) => edit(EditTask { priority: Some(*priority), ..EditTask::default() }),
        Wish::Due(due) => edit(EditTask { due: Some(due.map(some_due)), ..EditTask::default() }),
        Wish::Labels(labels) => {
            let label = |number: &u8| Label::parse(&format!("label \"{number}\"")).unwrap();
            edit(EditTask { labels: Some(labels.iter().map(label).collect()), ..EditTask::default() })
        }
        Wish::Parent(parent) => {
            edit(EditTask { parent: Some(parent.as_ref().map(other)), ..EditTask::default() })
        }
        Wish::Reference(reference) => {
            let reference =
                reference.map(|number| ExternalRef::new("old".into(), format!("{base} {number}").into()));
            edit(EditTask { external_ref: Some(reference), ..EditTask::default() })
        }
        Wish::Private(private) => {
            let visibility = if *private { Visibility::Private } else { Visibility::Team };
            edit(EditTask { visibility: Some(visibility), ..EditTask::default() })
        }
        Wish::Transition(transition) => TaskCommand::Transition { transition: *transition, reason: None },
        Wish::Assign(numbers) => TaskCommand::Assign { assignees: users(numbers) },
        Wish::Unassign(numbers) => TaskCommand::Unassign { assignees: users(numbers) },
        Wish::Watch(numbers) => TaskCommand::Watch { watchers: users(numbers) },
        Wish::Unwatch(numbers) => TaskCommand::Unwatch { watchers: users(numbers) },
        Wish::Progress(percent) => {
            TaskCommand::SetProgress { progress: Progress::parse(i64::from(*percent)).unwrap() }
        }
        Wish::Comment(number, text) => {
            TaskCommand::AddComment { comment: comment(number), text: markdown(text) }
        }
        Wish::EditComment(number, text) => {
            TaskCommand::EditComment { comment: comment(number), text: markdown(text) }
        }
        Wish::DeleteComment(number) => TaskCommand::DeleteComment { comment: comment(number) },
        Wish::Item(number, text) => {
            TaskCommand::AddChecklistItem { item: item(number), text: ChecklistText::parse(text).unwrap() }
        }
        Wish::EditItem(number, text, done) => {
            let text = text.as_deref().map(|text| ChecklistText::parse(text).unwrap());
            TaskCommand::EditChecklistItem { item: item(number), text, done: *done }
        }
        Wish::RemoveItem(number) => TaskCommand::RemoveChecklistItem { item: item(number) },
        Wish::Relate(kind, number) => TaskCommand::AddRelation(Relation { kind: *kind, task: other(number) }),
        Wish::Unrelate(kind, number) => {
            TaskCommand::RemoveRelation(Relation { kind: *kind, task: other(number) })
        }
        Wish::Delete => TaskCommand::Delete,
        Wish::Undelete => TaskCommand::Undelete,
        Wish::RollBack(version) => TaskCommand::RollBack { version: i64::from(*version) },
    }
}

fn some_due(number: u8) -> Due {
    match number % 2 {
        0 => Due::Date { date: NaiveDate::from_ymd_opt(2026, 1, 1 + u32::from(number)).unwrap() },
        _ => Due::At {
            at: Timestamp::from(DateTime::from_timestamp(1_800_000_000 + i64::from(number), 0).unwrap()),
            zone: TimeZone::parse("Asia/Seoul").unwrap(),
        },
    }
}
