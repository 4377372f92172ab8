//! The law: what the tables hold is the pure fold of the log, whatever happened, however it was cut into batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, NaiveTime, Utc};
use event_store::envelope::Envelope;
use projections::projectors::{
    task_search::{self, Parts},
    tasks::{CommentRow, LargeText, TaskRow, VersionRow, fold},
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
    assert_folded(world, &histories).await;
}

/// What the tables hold of these tasks is the fold of the log.
pub(crate) async fn assert_folded(world: &World, histories: &[History]) {
    for history in histories {
        let (task, parts) = folded(world, history.id.0).await;
        assert_eq!(stored_task(&world.owner, history.id.0).await, task);
        assert_eq!(stored_parts(&world.owner, history.id.0).await, parts);
        assert_links(&world.owner, &task).await;
        assert_past(world, history.id.0).await;
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

/// What stands no more is what the whole history leaves behind.
async fn assert_past(world: &World, id: Uuid) {
    let rows = states(world, id).await;
    let passed: Vec<(&TaskRow, &TaskRow)> = rows.iter().zip(rows.iter().skip(1)).collect();
    let sql = "SELECT *, nullif(due_order, 'infinity') AS due FROM read_model.task_versions WHERE id = $1 ORDER BY since";
    let found: Vec<VersionRow> = sqlx::query_as(sql).bind(id).fetch_all(&world.owner).await.unwrap();
    let expected: Vec<VersionRow> = passed.iter().map(|(row, next)| version(row, next)).collect();
    assert_eq!(found, expected);

    let mut expected = BTreeMap::<(String, String), (i64, DateTime<Utc>)>::new();
    for (row, next) in passed {
        for link in links(row).difference(&links(next)) {
            let until = expected.entry(link.clone()).or_insert((next.position, next.update_time));
            *until = (until.0.max(next.position), until.1.max(next.update_time));
        }
    }
    let sql = "SELECT kind, value, until, until_time FROM read_model.task_past_links WHERE task_id = $1";
    type Row = (String, String, i64, DateTime<Utc>);
    let found: Vec<Row> = sqlx::query_as(sql).bind(id).fetch_all(&world.owner).await.unwrap();
    let found: BTreeMap<_, _> =
        found.into_iter().map(|(kind, value, until, time)| ((kind, value), (until, time))).collect();
    assert_eq!(found, expected);
}

/// The task after each of its events.
async fn states(world: &World, id: Uuid) -> Vec<TaskRow> {
    let mut rows: Vec<TaskRow> = Vec::new();
    for event in world.log.read_aggregate("task", id, 0, 10_000).await.unwrap() {
        let at = Envelope::try_from(event).unwrap();
        let event = domain::event::from_stored(&at.event_type, &at.event_version, at.data.get()).unwrap();
        rows.push(fold(rows.last().cloned(), &at, &event).unwrap());
    }
    rows
}

fn version(row: &TaskRow, next: &TaskRow) -> VersionRow {
    let row = row.clone();
    VersionRow {
        id: row.id,
        since: row.position,
        until: next.position,
        update_time: row.update_time,
        until_time: next.update_time,
        ahead: row.ahead,
        status: row.status,
        priority: row.priority,
        due: row.due_at.or(row.due_date.map(|date| date.and_time(NaiveTime::MIN).and_utc())),
        labels: row.labels,
        assignees: row.assignees,
        watchers: row.watchers,
        parent: row.parent,
        external_system: row.external_system,
        external_id: row.external_id,
        private: row.private,
        delete_time: row.delete_time,
    }
}

fn links(row: &TaskRow) -> BTreeSet<(String, String)> {
    let assignees = row.assignees.iter().map(|user| ("assignee".to_owned(), user.to_string()));
    let watchers = row.watchers.iter().map(|user| ("watcher".to_owned(), user.to_string()));
    let labels = row.labels.iter().map(|label| ("label".to_owned(), label.clone()));
    assignees.chain(watchers).chain(labels).collect()
}
