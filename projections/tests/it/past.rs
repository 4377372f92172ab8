//! What a task leaves behind when it changes, whether its events come together or one by one.

use chrono::{DateTime, Utc};
use domain::{
    ids::{TaskId, TaskKey, UserId},
    task::{
        AssigneeEntry, Created, LabelEntry, TaskEvent,
        values::{Label, Priority, Title, Visibility},
    },
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    fold_law::assert_folded,
    histories::History,
    world::{World, task_event},
};

fn second(number: i64) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000 + number, 0).unwrap().into()
}

/// A label goes, comes and goes again, the second time by a clock that is slow; then the assignee goes.
fn history(bob: UserId) -> History {
    let label = LabelEntry { label: Label::parse("roof").unwrap() };
    let created = Created {
        key: TaskKey(1),
        title: Title::parse("a task").unwrap(),
        description: None,
        priority: Priority::Normal,
        due: None,
        labels: vec![label.label.clone()],
        assignees: vec![bob],
        creator: UserId(Uuid::now_v7()),
        parent: None,
        external_ref: None,
        visibility: Visibility::Team,
    };
    let events = vec![
        (TaskEvent::Created(created), second(0)),
        (TaskEvent::LabelRemoved(label.clone()), second(30)),
        (TaskEvent::LabelAdded(label.clone()), second(40)),
        (TaskEvent::LabelRemoved(label), second(20)),
        (TaskEvent::Unassigned(AssigneeEntry { assignee: bob }), second(50)),
    ];
    History { id: TaskId(Uuid::now_v7()), events }
}

/// Spans, counted from the position before the first event, with labels and assignees.
async fn versions(world: &World, task: &History, before: i64) -> Vec<(i64, i64, i64, i64)> {
    let sql = "SELECT since - $2, until - $2, cardinality(labels)::bigint, cardinality(assignees)::bigint
        FROM read_model.task_versions WHERE id = $1 ORDER BY since";
    sqlx::query_as(sql).bind(task.id.0).bind(before).fetch_all(&world.owner).await.unwrap()
}

async fn links(world: &World, task: &History, before: i64) -> Vec<(String, String, i64, DateTime<Utc>)> {
    let sql = "SELECT kind, value, until - $2, until_time FROM read_model.task_past_links WHERE task_id = $1 ORDER BY 1";
    sqlx::query_as(sql).bind(task.id.0).bind(before).fetch_all(&world.owner).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_the_same_in_one_batch_and_in_many() {
    let world = World::new().await;
    let bob = UserId(Uuid::now_v7());
    let (together, apart) = (history(bob), history(bob));
    // Before anybody works: what is there at the start is one batch.
    let events = together.events.iter().map(|(event, at)| task_event(event, *at)).collect();
    world.append("task", together.id.0, 0, events).await;
    let middle = world.log.head().await.unwrap();
    let _workers = world.start();
    for (expected, (event, at)) in (0..).zip(&apart.events) {
        let position = world.append("task", apart.id.0, expected, vec![task_event(event, *at)]).await;
        world.reached("tasks", position).await;
    }
    world.all_reached(world.log.head().await.unwrap()).await;
    for (task, before) in [(&together, 0), (&apart, middle)] {
        assert_eq!(
            versions(&world, task, before).await,
            [(1, 2, 1, 1), (2, 3, 0, 1), (3, 4, 1, 1), (4, 5, 0, 1)]
        );
        let (assignee, label) = ("assignee".to_owned(), "label".to_owned());
        assert_eq!(
            links(&world, task, before).await,
            [
                (assignee, bob.0.to_string(), 5, second(50).as_datetime()),
                (label, "roof".to_owned(), 4, second(30).as_datetime())
            ]
        );
    }
    assert_folded(&world, &[together, apart]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_never_changed_leaves_nothing() {
    let world = World::new().await;
    let History { id, events } = history(UserId(Uuid::now_v7()));
    let (event, at) = &events[0];
    let position = world.append("task", id.0, 0, vec![task_event(event, *at)]).await;
    let _workers = world.start();
    world.all_reached(position).await;
    assert_eq!(world.number("SELECT count(*) FROM read_model.tasks").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM read_model.task_versions").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM read_model.task_past_links").await, 0);
}
