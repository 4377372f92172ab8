//! Consumer groups whose processes die, and processes that want the same group.

mod crashes;
mod member;
mod processes;

pub(crate) use member::Member;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::client::Client;
use crate::system::{PATIENCE, System, within};

const GROUP: &str = "/v1/consumer-groups/billing";

/// A group that begins with the log, its owner at the write and at the read side.
async fn group(system: &System) -> (Client, Client) {
    let writer = system.admin().await;
    let reader = writer.at(&system.read_api.url);
    let wanted = json!({"types": ["task.*"], "start": "beginning"});
    let mut made = 0;
    let there = within(PATIENCE, async || {
        made = reader.send("PUT", GROUP, Some(&wanted), &[]).await.map_or(0, |answer| answer.status);
        matches!(made, 200 | 201)
    });
    assert!(there.await, "no group: {made}");
    (writer, reader)
}

/// So many tasks, each created and renamed so often.
async fn tasks(writer: &Client, count: usize, renamed: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let task = json!({"title": format!("task {number}")});
        let created = writer.post("/v1/tasks", &task).await.unwrap().expect(201);
        ids.push(created.json()["id"].as_str().unwrap().to_owned());
    }
    for round in 0..renamed {
        for id in &ids {
            rename(writer, id, round).await;
        }
    }
    ids
}

async fn rename(writer: &Client, id: &str, round: usize) {
    let renamed = json!({"title": format!("renamed {round}")});
    writer.call("PATCH", &format!("/v1/tasks/{id}"), Some(&renamed), None).await.unwrap().expect(200);
}

/// The log and what stands beside it, looked at directly.
struct Book(PgConnection);

impl Book {
    async fn open(system: &System) -> Self {
        Self(PgConnection::connect(&system.postgres.url()).await.unwrap())
    }

    /// What the group is to get, by task, in its order.
    async fn events(&mut self) -> BTreeMap<Uuid, Vec<i64>> {
        let sql = "SELECT aggregate_id::uuid, position FROM event_store.events \
                   WHERE event_type LIKE 'task.%' ORDER BY position";
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(sql).fetch_all(&mut self.0).await.unwrap();
        let mut events = BTreeMap::<Uuid, Vec<i64>>::new();
        rows.into_iter().for_each(|(task, position)| events.entry(task).or_default().push(position));
        events
    }

    /// Waits until it is written down that these are finished.
    async fn has_finished(&mut self, positions: &BTreeSet<i64>) {
        let sql = "SELECT position, finished FROM event_store.consumer_groups";
        let mut kept = (0, Vec::new());
        let written = within(PATIENCE, async || {
            kept = sqlx::query_as::<_, (i64, Vec<i64>)>(sql).fetch_one(&mut self.0).await.unwrap();
            positions.iter().all(|position| *position <= kept.0 || kept.1.contains(position))
        });
        assert!(written.await, "{positions:?} are not all in {kept:?}");
    }
}

/// What has become of the group.
async fn standing(reader: &Client) -> Value {
    reader.get_when_there(GROUP).await.expect(200).json()
}
