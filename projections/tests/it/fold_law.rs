//! The law: what the tables hold is the pure fold of the log, whatever happened, however it was cut into batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use event_store::envelope::Envelope;
use projections::projectors::{
    task_search::{self, Parts},
    task_versions::{Course, LinkSpan, Mark, VersionRow},
    tasks::{CommentRow, LargeText, TaskRow, fold},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    histories::{History, Wish, history, wish},
    world::{World, task_event},
};

/// Several tasks, their events mixed; cut into appends of different lengths.
fn wishes() -> impl Strategy<Value = Vec<Vec<Wish>>> {
    prop::collection::vec(prop::collection::vec(wish(), 0..40), 1..8)
}

#[test]
fn the_read_model_is_the_fold_of_the_log() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let _workers = runtime.block_on(async { world.start() });
    let config = Config { cases: 16, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&wishes(), |wishes| {
            runtime.block_on(holds_for(&world, &wishes));
            Ok(())
        })
        .unwrap();
}

async fn holds_for(world: &World, wishes: &[Vec<Wish>]) {
    let first_key = world.log.head().await.unwrap() + 1;
    let histories: Vec<History> =
        (first_key..).zip(wishes).map(|(key, wishes)| history(key, wishes)).collect();
    let position = append_mixed(world, &histories).await;
    world.reached("tasks", position).await;
    world.reached("task_search", position).await;
    world.reached("task_versions", position).await;
    assert_folded(world, &histories).await;
}

/// What the tables hold of these tasks is the fold of the log.
pub(crate) async fn assert_folded(world: &World, histories: &[History]) {
    for history in histories {
        let (task, parts) = folded(world, history.id.0).await;
        assert_eq!(stored_task(&world.owner, history.id.0).await, task);
        assert_eq!(stored_parts(&world.owner, history.id.0).await, parts);
        assert_links(&world.owner, &task).await;
        assert_versions(world, history.id.0).await;
    }
}

/// Appends so many tasks with random histories, the same in every run.
pub(crate) async fn some_histories(world: &World, tasks: usize) -> Vec<History> {
    let mut runner = TestRunner::deterministic();
    let wishes = prop::collection::vec(prop::collection::vec(wish(), 10..40), tasks);
    let wishes = wishes.new_tree(&mut runner).unwrap().current();
    let first_key = world.log.head().await.unwrap() + 1;
    let histories: Vec<History> =
        (first_key..).zip(&wishes).map(|(key, wishes)| history(key, wishes)).collect();
    append_mixed(world, &histories).await;
    histories
}

/// Appends in turns, a few events of each task at a time; returns the last position.
pub(crate) async fn append_mixed(world: &World, histories: &[History]) -> i64 {
    let mut written = vec![0; histories.len()];
    let mut position = 0;
    for turn in 1.. {
        let mut more = false;
        for (history, written) in histories.iter().zip(&mut written) {
            let rest = &history.events[*written..];
            let events: Vec<_> = rest.iter().take(turn).map(|(event, at)| task_event(event, *at)).collect();
            if events.is_empty() {
                continue;
            }
            let (expected, count) = (i64::try_from(*written).unwrap(), events.len());
            position = world.append("task", history.id.0, expected, events).await;
            *written += count;
            more = true;
        }
        if !more {
            return position;
        }
    }
    position
}

/// The pure fold over what the log holds.
pub(crate) async fn folded(world: &World, id: Uuid) -> (TaskRow, BTreeMap<Uuid, (i64, String)>) {
    let events = world.log.read_aggregate("task", id, 0, 10_000).await.unwrap();
    let (mut row, mut parts) = (None, Parts::new());
    for event in events {
        let at = Arc::new(Envelope::try_from(event).unwrap());
        let event = domain::event::from_stored(&at.event_type, &at.event_version, at.data.get()).unwrap();
        row = Some(fold(row, &at, &event).unwrap());
        task_search::fold(&mut parts, &at, &event);
    }
    let part = |((_, part), said): (&(Uuid, Uuid), &task_search::Part)| (*part, (said.position, said.text()));
    (row.unwrap(), parts.iter().map(part).collect())
}

pub(crate) async fn stored_task(owner: &PgPool, id: Uuid) -> TaskRow {
    let sql = "SELECT * FROM read_model.tasks WHERE id = $1";
    let mut row: TaskRow = sqlx::query_as(sql).bind(id).fetch_one(owner).await.unwrap();
    let sql = "SELECT description FROM read_model.tasks WHERE id = $1";
    row.description = LargeText::Set(sqlx::query_scalar(sql).bind(id).fetch_one(owner).await.unwrap());
    let sql = "SELECT * FROM read_model.comments WHERE task_id = $1";
    let comments: Vec<CommentRow> = sqlx::query_as(sql).bind(id).fetch_all(owner).await.unwrap();
    row.comments = comments.into_iter().map(|comment| (comment.id, comment)).collect();
    row
}

async fn stored_parts(owner: &PgPool, id: Uuid) -> BTreeMap<Uuid, (i64, String)> {
    let sql = "SELECT part, position, text, words FROM read_model.task_search WHERE task_id = $1";
    let rows: Vec<(Uuid, i64, String, Vec<i32>)> =
        sqlx::query_as(sql).bind(id).fetch_all(owner).await.unwrap();
    for (_, _, text, hashes) in &rows {
        assert_words(owner, text, hashes).await;
    }
    rows.into_iter().map(|(part, position, text, _)| (part, (position, text))).collect()
}

/// Every word of a text is among its hashes and in the vocabulary.
async fn assert_words(owner: &PgPool, text: &str, hashes: &[i32]) {
    let words: BTreeSet<&str> = task_search::words(text).collect();
    let expected: BTreeSet<i32> = words.iter().map(|word| task_search::hash(word)).collect();
    assert_eq!(hashes, expected.into_iter().collect::<Vec<_>>());
    let sql = "SELECT word FROM read_model.search_words WHERE hash = ANY($1)";
    let known: BTreeSet<String> =
        sqlx::query_scalar(sql).bind(hashes).fetch_all(owner).await.unwrap().into_iter().collect();
    assert!(words.iter().all(|word| known.contains(*word)), "{words:?} in {known:?}");
}

/// The link tables say what the row's arrays say.
async fn assert_links(owner: &PgPool, task: &TaskRow) {
    let sql = "SELECT role, user_id FROM read_model.task_people WHERE task_id = $1 ORDER BY 1, 2";
    let found: Vec<(String, Uuid)> = sqlx::query_as(sql).bind(task.id).fetch_all(owner).await.unwrap();
    let mut people = vec![("creator".to_owned(), task.creator)];
    people.extend(task.assignees.iter().map(|user| ("assignee".to_owned(), *user)));
    people.extend(task.watchers.iter().map(|user| ("watcher".to_owned(), *user)));
    people.sort();
    assert_eq!(found, people);
    let sql = "SELECT label FROM read_model.task_labels WHERE task_id = $1 ORDER BY label";
    let found: Vec<String> = sqlx::query_scalar(sql).bind(task.id).fetch_all(owner).await.unwrap();
    let mut labels = task.labels.clone();
    labels.sort();
    assert_eq!(found, labels);
}

/// The versions and their links are those that the whole history makes.
async fn assert_versions(world: &World, id: Uuid) {
    let mut course = Course::default();
    for event in world.log.read_aggregate("task", id, 0, 10_000).await.unwrap() {
        let at = Arc::new(Envelope::try_from(event).unwrap());
        let event = domain::event::from_stored(&at.event_type, &at.event_version, at.data.get()).unwrap();
        course.take(&at, &event).unwrap();
    }
    let sql = "SELECT * FROM read_model.task_versions WHERE id = $1 ORDER BY since";
    let rows: Vec<VersionRow> = sqlx::query_as(sql).bind(id).fetch_all(&world.owner).await.unwrap();
    assert_eq!(rows, course.rows);
    let sql = "SELECT kind, value, since, since_time, until, until_time FROM read_model.task_version_links WHERE task_id = $1";
    type Row = (String, String, i64, DateTime<Utc>, Option<i64>, Option<DateTime<Utc>>);
    let mut found: Vec<Row> = sqlx::query_as(sql).bind(id).fetch_all(&world.owner).await.unwrap();
    let row = |LinkSpan { link, since, until, .. }: LinkSpan| {
        let (position, time) = until.map(|Mark { position, time }| (position, time)).unzip();
        (link.0.to_owned(), link.1, since.position, since.time, position, time)
    };
    let mut expected: Vec<Row> = course.links().0.into_iter().map(row).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
