//! Events that no projector understands, written into the log past all code, while everything else goes on.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::aftermath::Aftermath;
use super::load::{Load, Shared};
use super::seeds;
use crate::client::Client;
use crate::system::{PATIENCE, System, within};

const LOCK: &str = "SELECT single FROM event_store.log_head FOR UPDATE";
const INSERT: &str = "
    INSERT INTO event_store.events
    SELECT (SELECT max(position) + 1 FROM event_store.events),
           (SELECT max(sequence) + 1 FROM event_store.events WHERE aggregate_type = 'task' AND aggregate_id = $1),
           greatest(clock_timestamp(), (SELECT recorded_at FROM event_store.events ORDER BY position DESC LIMIT 1)),
           $2, 'task', $1, $3, '1', $4::text::json, metadata
    FROM event_store.events WHERE aggregate_type = 'task' AND aggregate_id = $1 AND sequence = 1
    RETURNING position";

/// Writes an event as nobody but the owner of the tables can; its position.
async fn slip_in(system: &System, task: Uuid, kind: &str, payload: Value) -> i64 {
    let mut owner = PgConnection::connect(&system.postgres.url()).await.expect("it runs");
    let mut transaction = owner.begin().await.expect("it runs");
    sqlx::query(LOCK).execute(&mut *transaction).await.expect("the lock is free soon");
    let insert = sqlx::query_scalar(INSERT).bind(task.to_string()).bind(Uuid::now_v7());
    let inserted = insert.bind(kind).bind(payload.to_string()).fetch_one(&mut *transaction).await;
    transaction.commit().await.expect("it runs");
    inserted.expect("the owner may")
}

async fn victim(writer: &Client) -> Uuid {
    let created = writer.post("/v1/tasks", &json!({"title": "victim"})).await.unwrap().expect(201);
    created.json()["id"].as_str().unwrap().parse().unwrap()
}

/// Positions of the events that the projection has set aside, with what failed.
async fn parked(reader: &Client) -> Vec<(i64, bool)> {
    let answer = reader.get_when_there("/v1/admin/parked-events?projection=tasks").await.expect(200);
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| (item["position"].as_i64().unwrap(), item["error"].is_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_and_nothing_else_waits() {
    let seed = seeds().next().unwrap();
    let mut system = System::start().await;
    let writer = system.admin().await;
    let reader = writer.at(&system.read_api.url);
    let (unknown, garbled) = (victim(&writer).await, victim(&writer).await);
    let load = Load::start(std::slice::from_ref(&writer), &reader, seed);
    load.reached(Shared::answered, 40).await;

    let mut expected = Vec::new();
    for (task, kind, payload) in [
        (unknown, "task.renamed_from_the_future", json!({})),
        (garbled, "task.title_changed", json!({"from": 1, "to": ["?"]})),
    ] {
        expected.push((slip_in(&system, task, kind, payload).await, true));
        load.reached(Shared::answered, load.shared.answered() + 20).await;
        expected.push((slip_in(&system, task, "task.label_added", json!({"label": "behind"})).await, false));
    }
    load.reached(Shared::answered, load.shared.answered() + 60).await;
    let aside = within(PATIENCE, async || parked(&reader).await == expected).await;
    assert!(aside, "{:?} instead of {expected:?}", parked(&reader).await);

    for (task, (position, _)) in [(unknown, expected[0]), (garbled, expected[2])] {
        let path = format!("/v1/tasks/{task}");
        let marked =
            async || reader.get(&path).await.is_ok_and(|answer| answer.header("stale") == Some("parked"));
        assert!(within(PATIENCE, marked).await, "{:?}", reader.get(&path).await);
        let path_to_wait = format!("{path}?min_position={position}");
        let refused = async || {
            let asked = reader.get(&path_to_wait).await;
            asked.is_ok_and(|answer| answer.expect(503).code() == "AGGREGATE_PARKED")
        };
        assert!(within(PATIENCE, refused).await, "{:?}", reader.get(&path_to_wait).await);
        // Nothing is decided on a state that cannot be known.
        let refused = writer.post(&format!("{path}/start"), &json!({})).await.unwrap();
        assert!(refused.status >= 500, "{refused:?}");
    }
    let clients = load.finish().await;
    Aftermath::of(&system).await.foreign([unknown, garbled]).holds(&clients).await;
    assert_eq!(parked(&reader).await, expected, "a rebuild changes nothing about it");
    system.end().await;
}
