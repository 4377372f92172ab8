//! Random histories: nothing panics, what must hold holds, and every way to a state gives the same state.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    task::{Context, Poll, Waker},
};

use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{
    actor::Actor,
    event::{Timed, from_stored, to_stored},
    ids::{TaskId, TaskKey},
    policy::{Role, RoleSet},
    task::{
        Content, CreateTask, EditTask, Facts, Task, TaskCommand, TaskContext, TaskError, TaskEvent, UserFact,
        values::{
            ChecklistText, Due, MAX_ASSIGNEES, MAX_CHECKLIST, MAX_LABELS, MAX_RELATIONS, MAX_WATCHERS,
            Priority, Progress, Relation, RelationType, Transition, Visibility,
        },
    },
    time::Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::given::{comment, item, label, markdown, noon, task, title, user};

/// Drives `handle` to its end: nothing in it waits.
pub(crate) fn handle(
    task: &mut Task,
    command: TaskCommand,
    context: &TaskContext,
) -> Result<Vec<TaskEvent>, TaskError> {
    let sink = EventSink::default();
    ready(task.handle(command, context, &sink))?;
    Ok(ready(sink.collect()))
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a decision waited for something"),
    }
}

/// What must hold for a task after any history.
fn invariants(id: TaskId, task: &Task) {
    let created = task.version > 0;
    assert_eq!(task.exists(), created);
    assert_eq!((task.title.is_some(), task.creator.is_some()), (created, created));
    assert_eq!(task.deleted, task.delete_time.is_some());
    assert!(task.create_time <= task.update_time && task.delete_time <= task.update_time);
    assert!(task.description_set_by.is_none_or(|sequence| sequence <= task.version));
    assert!(task.description.is_none() || task.description_set_by.is_some());
    assert!(task.comments.values().all(|comment| (2..=task.version).contains(&comment.set_by)));
    assert!(task.progress.percent() <= 100);
    assert_ne!(task.parent, Some(id));
    assert!(task.relations.iter().all(|relation| relation.task != id));
    assert_set(&task.labels, MAX_LABELS);
    assert_set(&task.assignees, MAX_ASSIGNEES);
    assert_set(&task.watchers, MAX_WATCHERS);
    assert_set(&task.relations, MAX_RELATIONS);
    assert_set(&task.checklist.iter().map(|item| item.id).collect::<Vec<_>>(), MAX_CHECKLIST);
}

fn assert_set<T: Ord>(entries: &[T], max: usize) {
    assert!(entries.len() <= max);
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len());
}

/// Some tasks and their links, as the log would hold them.
#[derive(Default)]
struct World {
    tasks: BTreeMap<TaskId, Task>,
    /// What the tasks said after each of their events.
    contents: BTreeMap<TaskId, Vec<Content>>,
}

impl World {
    /// Loads what the command needs, as the executor does: until nothing is missing.
    fn facts(&self, id: TaskId, command: &TaskCommand, actor: &Actor) -> Facts {
        let mut facts = Facts::default();
        let state = self.tasks.get(&id).cloned().unwrap_or_default();
        loop {
            let needs = command.needs(&state, id, &facts);
            if needs.is_empty() {
                return facts;
            }
            if let Some(version) = needs.version {
                let index = usize::try_from(version - 1).unwrap();
                facts.contents.insert(version, self.contents[&id].get(index).cloned());
            }
            for user_id in needs.users {
                let active = user_id != user(5);
                facts.users.insert(user_id, (user_id != user(6)).then_some(UserFact { active }));
            }
            for task_id in needs.tasks {
                facts.tasks.insert(task_id, self.tasks.get(&task_id).and_then(|task| task.fact(actor)));
            }
        }
    }

    fn ask(&mut self, wish: Wish) {
        let facts = self.facts(wish.task, &wish.command, &wish.actor);
        let context = TaskContext { task: wish.task, actor: wish.actor, now: wish.now, facts };
        let before = self.tasks.get(&wish.task).cloned().unwrap_or_default();
        let decided = before.decide(wish.command.clone(), &context);
        let mut after = before.clone();
        assert_eq!(handle(&mut after, wish.command.clone(), &context), decided);
        match decided {
            Err(_) => assert_eq!(after, before),
            Ok(events) => {
                let said = assert_folds(before, &events, &context, &after);
                self.contents.entry(wish.task).or_default().extend(said);
                self.assert_set_back(&wish, &after);
                assert_merges(&wish.command, &events);
                assert_already_so(&after, wish.command, &context);
            }
        }
        invariants(wish.task, &after);
        assert_eq!(serde_json::from_str::<Task>(&serde_json::to_string(&after).unwrap()).unwrap(), after);
        self.tasks.insert(wish.task, after);
    }

    /// Set back, a task says what it said then.
    fn assert_set_back(&self, wish: &Wish, after: &Task) {
        if let TaskCommand::RollBack { version } = wish.command {
            let then = &self.contents[&wish.task][usize::try_from(version - 1).unwrap()];
            assert_eq!(after.content(), *then);
        }
    }

    /// Follows links of one kind; coming back would never end.
    fn has_cycle(&self, next: impl Fn(&Task) -> Vec<TaskId>) -> bool {
        self.tasks.keys().any(|start| {
            let (mut open, mut seen) = (next(&self.tasks[start]), BTreeSet::new());
            while let Some(id) = open.pop() {
                if id == *start {
                    return true;
                }
                if seen.insert(id) {
                    open.extend(self.tasks.get(&id).map(&next).unwrap_or_default());
                }
            }
            false
        })
    }
}

/// Stored, read back and folded, the events give the state that `handle` left; what the task says after each.
fn assert_folds(
    mut state: Task,
    events: &[TaskEvent],
    context: &TaskContext,
    expected: &Task,
) -> Vec<Content> {
    let time = state.effective_time(context.now);
    let mut said = Vec::new();
    for event in events {
        let (event_type, version) = event.stored_type();
        state.apply(from_stored(event_type, version, &to_stored(event).unwrap()).unwrap());
        state.occurred(time);
        said.push(state.content());
    }
    assert_eq!(state, *expected);
    said
}

fn assert_merges(command: &TaskCommand, events: &[TaskEvent]) {
    assert!(events.iter().filter_map(TaskEvent::field).all(|field| command.touches(&field)));
}

/// Asked again on the state that it made, a command is already so.
fn assert_already_so(state: &Task, command: TaskCommand, context: &TaskContext) {
    let once = matches!(
        command,
        TaskCommand::Create(_)
            | TaskCommand::Delete
            | TaskCommand::Undelete
            | TaskCommand::DeleteComment { .. }
            | TaskCommand::RemoveChecklistItem { .. }
    );
    match state.decide(command, context) {
        // A right may have gone with the command itself: left the task, made it private.
        Err(TaskError::Forbidden | TaskError::NotFound) => {}
        again => assert!(once || again == Ok(vec![]), "{again:?}"),
    }
}

#[derive(Clone, Debug)]
struct Wish {
    task: TaskId,
    actor: Actor,
    now: Timestamp,
    command: TaskCommand,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (1..=4u8, actors(), -5..5i64, commands());
    let wish = wish.prop_map(|(n, actor, days, command)| Wish {
        task: task(n),
        actor,
        now: noon().plus_days(days),
        command,
    });
    vec(wish, 1..120)
}

fn actors() -> impl Strategy<Value = Actor> {
    let roles = || vec(select(Role::ALL), 0..3).prop_map(RoleSet::from_iter);
    let member = (1..=4u8, roles())
        .prop_map(|(n, roles)| Actor::User { id: user(n), roles: roles.with(Role::Member) });
    let anybody = (1..=4u8, roles()).prop_map(|(n, roles)| Actor::User { id: user(n), roles });
    let import = roles().prop_map(|roles| Actor::Import { person: user(1), roles: roles.with(Role::Admin) });
    prop_oneof![
        12 => member,
        1 => anybody,
        2 => import,
        1 => Just(Actor::System),
        1 => Just(Actor::Anonymous),
    ]
}

fn commands() -> impl Strategy<Value = TaskCommand> {
    let people = || vec((1..=6u8).prop_map(user), 0..4);
    let text = || "[a-c가]{1,3}".prop_map(|text| markdown(&text));
    let item_text = || select(vec!["ladder", "slates"]).prop_map(|text| ChecklistText::parse(text).unwrap());
    let relation = || (select(RelationType::ALL), 1..=5u8);
    let relation = || relation().prop_map(|(kind, n)| Relation { kind, task: task(n) });
    prop_oneof![
        6 => creates().prop_map(|create| TaskCommand::Create(Box::new(create))),
        8 => edits().prop_map(|edit| TaskCommand::Edit(Box::new(edit))),
        6 => select(Transition::ALL).prop_map(|transition| TaskCommand::Transition { transition, reason: None }),
        3 => people().prop_map(|assignees| TaskCommand::Assign { assignees }),
        2 => people().prop_map(|assignees| TaskCommand::Unassign { assignees }),
        3 => (0..=100i64).prop_map(|n| TaskCommand::SetProgress { progress: Progress::parse(n).unwrap() }),
        2 => people().prop_map(|watchers| TaskCommand::Watch { watchers }),
        2 => people().prop_map(|watchers| TaskCommand::Unwatch { watchers }),
        3 => (1..4u8, text()).prop_map(|(n, text)| TaskCommand::AddComment { comment: comment(n), text }),
        2 => (1..4u8, text()).prop_map(|(n, text)| TaskCommand::EditComment { comment: comment(n), text }),
        1 => (1..4u8).prop_map(|n| TaskCommand::DeleteComment { comment: comment(n) }),
        3 => (1..4u8, item_text()).prop_map(|(n, text)| TaskCommand::AddChecklistItem { item: item(n), text }),
        2 => (1..4u8, option::of(item_text()), option::of(any::<bool>()))
            .prop_map(|(n, text, done)| TaskCommand::EditChecklistItem { item: item(n), text, done }),
        1 => (1..4u8).prop_map(|n| TaskCommand::RemoveChecklistItem { item: item(n) }),
        6 => relation().prop_map(TaskCommand::AddRelation),
        1 => relation().prop_map(TaskCommand::RemoveRelation),
        1 => Just(TaskCommand::Delete),
        2 => Just(TaskCommand::Undelete),
        4 => (0..12i64).prop_map(|version| TaskCommand::RollBack { version }),
    ]
}

fn creates() -> impl Strategy<Value = CreateTask> {
    let people = vec((1..=6u8).prop_map(user), 0..2);
    (1..9i64, people, option::of((1..=5u8).prop_map(task)), select(Visibility::ALL)).prop_map(
        |(key, assignees, parent, visibility)| CreateTask {
            assignees,
            parent,
            visibility,
            ..CreateTask::new(TaskKey(key), title("Random"))
        },
    )
}

fn edits() -> impl Strategy<Value = EditTask> {
    let labels = vec(select(vec!["a", "b", "c"]).prop_map(label), 0..4);
    let due = select(vec!["2026-01-01", "2026-02-01"])
        .prop_map(|date| Due::Date { date: Due::parse_date(date).unwrap() });
    (
        option::of(select(vec!["One", "Two"]).prop_map(title)),
        option::of(option::of(select(vec!["one", "two"]).prop_map(markdown))),
        option::of(select(Priority::ALL)),
        option::of(option::of(due)),
        option::of(labels),
        option::of(option::of((1..=5u8).prop_map(task))),
        option::of(select(Visibility::ALL)),
    )
        .prop_map(|(title, description, priority, due, labels, parent, visibility)| EditTask {
            title,
            description,
            priority,
            due,
            labels,
            parent,
            external_ref: None,
            visibility,
        })
}

proptest! {
    #[test]
    fn histories_of_some_tasks(wishes in wishes()) {
        let mut world = World::default();
        for wish in wishes {
            world.ask(wish);
        }
        prop_assert!(!world.has_cycle(|task| task.parent.into_iter().collect()));
        for kind in [RelationType::Blocks, RelationType::Duplicates] {
            let next = |task: &Task| {
                task.relations.iter().filter(|relation| relation.kind == kind).map(|relation| relation.task).collect()
            };
            prop_assert!(!world.has_cycle(next), "{kind}");
        }
    }

    #[test]
    fn events_in_any_order_do_no_harm(events in vec(select(crate::contract::task_events()), 0..80)) {
        let mut task = Task::default();
        for event in events {
            task.apply(event);
            task.occurred(noon());
        }
        let state = serde_json::to_string(&task).unwrap();
        prop_assert_eq!(serde_json::from_str::<Task>(&state).unwrap(), task);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        use domain::{task::values::{Label, Markdown, Title}, user::values::{Email, Locale, PersonName}};
        if let Ok(title) = Title::parse(&text) {
            prop_assert_eq!(Title::parse(title.as_str()).unwrap(), title);
        }
        if let Ok(text) = Markdown::parse(&text) {
            prop_assert_eq!(Markdown::parse(text.as_str()).unwrap(), text);
        }
        if let Ok(address) = Email::parse(&text) {
            prop_assert_eq!(Email::parse(address.as_str()).unwrap(), address);
        }
        let _ = (Label::parse(&text), PersonName::parse(&text), Locale::parse(&text));
        let _ = (Due::parse_date(&text), Due::parse_at(&text), text.parse::<TaskKey>());
    }
}
