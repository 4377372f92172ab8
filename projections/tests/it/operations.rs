//! What operators ask for with commands is carried out, once, and can be looked at.

use std::time::Duration;

use chrono::DateTime;
use domain::{
    event::{Nothing, to_stored},
    operation::{OperationEvent, OperationKind, Requested},
    time::Timestamp,
};
use futures_util::StreamExt;
use projections::{
    operations,
    rebuild::{Options, Phase, RebuildProgress, rebuild},
    runner::Pace,
};
use serde_json::Value;
use service::operation;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    fold_law::{assert_folded, some_histories},
    world::{DEADLINE, World, stored},
};

pub(crate) async fn ask(world: &World, kind: OperationKind, subject: &str) -> Uuid {
    ask_for(world, Requested::new(kind, subject.into())).await
}

pub(crate) async fn ask_for(world: &World, requested: Requested) -> Uuid {
    let event = OperationEvent::Requested(requested);
    let (event_type, version) = event.stored_type();
    let at: Timestamp = DateTime::from_timestamp(1_700_000_000, 0).unwrap().into();
    let id = Uuid::now_v7();
    let event = stored(event_type, version, to_stored(&event).unwrap(), at);
    world.append("operation", id, 0, vec![event]).await;
    id
}

async fn cancel(world: &World, id: Uuid) {
    let event = OperationEvent::CancelRequested(Nothing {});
    let (event_type, version) = event.stored_type();
    let at: Timestamp = DateTime::from_timestamp(1_700_000_001, 0).unwrap().into();
    let event = stored(event_type, version, to_stored(&event).unwrap(), at);
    world.append("operation", id, 1, vec![event]).await;
}

pub(crate) fn carry_out(world: &World) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    let (projectors, sources) = (world.projectors.clone(), world.sources.clone());
    let pace = Pace { lease: Duration::from_secs(2), ..Pace::default() };
    (tokio::spawn(operations::run(projectors, sources, world.delivery(), pace, stop.clone())), stop)
}

/// Waits for the end, and says how it ended.
pub(crate) async fn outcome(world: &World, id: Uuid) -> String {
    let ended = "SELECT end_time IS NOT NULL AND $2 = 0 FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(ended, &id.to_string(), 0).await;
    let sql = format!(
        "SELECT concat_ws(' ', kind, subject, state, response ->> 'version' IS NOT NULL, response ->> 'applied',
            error ->> 'code') FROM read_model.operations WHERE id = '{id}'"
    );
    world.text(&sql).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_are_carried_out_and_refusals_explained() {
    let world = World::new().await;
    let histories = some_histories(&world, 4).await;
    let _workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    let (working, stop) = carry_out(&world);
    let good = ask(&world, OperationKind::Rebuild, "projections/tasks").await;
    let unknown = ask(&world, OperationKind::Rebuild, "projections/nothing").await;
    let nowhere = ask(&world, OperationKind::ReplayParked, "parked-events/77").await;
    let senseless = ask(&world, OperationKind::DiscardParked, "projections/tasks").await;
    assert_eq!(outcome(&world, good).await, "rebuild projections/tasks done t");
    let complete =
        "SELECT count(*) FROM read_model.operations WHERE state = 'done' AND done = total AND total > 0";
    assert_eq!(world.number(complete).await, 1);
    assert_eq!(outcome(&world, unknown).await, "rebuild projections/nothing failed f NOT_FOUND");
    assert_eq!(outcome(&world, nowhere).await, "replay_parked parked-events/77 failed f NOT_FOUND");
    assert_eq!(
        outcome(&world, senseless).await,
        "discard_parked projections/tasks failed f UNKNOWN_OPERATION"
    );
    assert_folded(&world, &histories).await;
    stop.cancel();
    working.await.unwrap();
}

/// Whoever waits is told of every change, in the words in which the operation can be read.
#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_as_they_can_be_read() {
    let world = World::new().await;
    let _workers = world.start();
    let client = world.sources.jetstream.client();
    let mut messages = client.subscribe("operations.*").await.unwrap();
    client.flush().await.unwrap();
    let (_working, stop) = carry_out(&world);
    let id = ask(&world, OperationKind::Rebuild, "projections/users").await;
    let mut states = Vec::new();
    let last = loop {
        let message = timeout(DEADLINE, messages.next()).await.unwrap().unwrap();
        assert_eq!(operation::of_subject(&message.subject), Some(id));
        let told: Value = serde_json::from_slice(&message.payload).unwrap();
        states.push(told["state"].as_str().unwrap().to_owned());
        if !told["end_time"].is_null() {
            break told;
        }
    };
    // Who takes in and who carries out tell each for itself, so only the end is sure to be last.
    assert!(states.contains(&"running".to_owned()) && states.ends_with(&["done".to_owned()]), "{states:?}");
    let sql = format!("SELECT {} FROM read_model.operations WHERE id = $1", operation::COLUMNS);
    let row: operation::Operation = sqlx::query_as(&sql).bind(id).fetch_one(&world.owner).await.unwrap();
    assert_eq!(last, serde_json::to_value(row).unwrap());
    // Of what had ended before it was cancelled it is told once more how.
    cancel(&world, id).await;
    let again = async {
        while serde_json::from_slice::<Value>(&messages.next().await.unwrap().payload).unwrap() != last {}
    };
    timeout(DEADLINE, again).await.unwrap();
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_outlives_its_process_and_runs_in_one_only() {
    let world = World::new().await;
    let _workers = world.start();
    let (first, _keep) = carry_out(&world);
    let done = ask(&world, OperationKind::Rebuild, "projections/users").await;
    outcome(&world, done).await;
    first.abort();
    let _ = first.await;
    // As a dead process left it: begun, and the lease of its rebuild outlasts that of its process.
    let users = world.projector("users");
    let options = Options { lease: Duration::from_secs(5), ..Options::default() };
    let told = watch::Sender::new(RebuildProgress { phase: Phase::Done, ..RebuildProgress::default() });
    let mut latest = told.subscribe();
    tokio::select! {
        ended = rebuild(&*users, &world.sources, &options, &told) => panic!("{ended:?}"),
        _ = latest.wait_for(|progress| progress.phase != Phase::Done) => {}
    }
    let id = Uuid::now_v7();
    world
        .run(&format!(
            "INSERT INTO read_model.operations (id, kind, subject, state, start_time)
             VALUES ('{id}', 'rebuild', 'projections/users', 'running', clock_timestamp())"
        ))
        .await;
    let (_second, _keep) = carry_out(&world);
    let (_third, _keep) = carry_out(&world);
    assert_eq!(outcome(&world, id).await, "rebuild projections/users done t");
    assert_eq!(world.number("SELECT count(*) FROM read_model.operations WHERE state = 'done'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_no_more_is_not_begun_and_not_finished() {
    let world = World::new().await;
    let _workers = world.start();
    let (first, stop) = carry_out(&world);
    let done = ask(&world, OperationKind::Rebuild, "projections/users").await;
    outcome(&world, done).await;
    // Whoever reads a version that is to go keeps its rebuild from ending.
    let mut reader = world.sources.read_model.registry().await.unwrap();
    let lock = "BEGIN; LOCK TABLE read_model.projections IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut reader).await.unwrap();
    let (running, pending) = (
        ask(&world, OperationKind::Rebuild, "projections/users").await,
        ask(&world, OperationKind::Rebuild, "projections/tasks").await,
    );
    cancel(&world, pending).await;
    cancel(&world, done).await;
    assert_eq!(outcome(&world, pending).await, "rebuild projections/tasks cancelled f");
    cancel(&world, running).await;
    let heard = "SELECT cancel_requested AND $2 = 0 FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(heard, &running.to_string(), 0).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
    assert_eq!(outcome(&world, running).await, "rebuild projections/users cancelled f");
    assert_eq!(outcome(&world, done).await, "rebuild projections/users done t");
    // Nothing of it is in the way of the next.
    let next = ask(&world, OperationKind::Rebuild, "projections/users").await;
    assert_eq!(outcome(&world, next).await, "rebuild projections/users done t");
    stop.cancel();
    first.await.unwrap();
}
