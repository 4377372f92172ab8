//! An installation of the version that had a sender of mails goes on where that stood.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    fold_law::{assert_folded, some_histories},
    mail::to_verify,
    world::World,
};

const SENT: &str = "
INSERT INTO delivery.people (user_id, email, name, locale)
SELECT aggregate_id::uuid, payload ->> 'email', payload ->> 'name', 'en' FROM event_store.events WHERE event_type = 'user.registered';
INSERT INTO delivery.mails (event_id, user_id, address, subject, text, html)
SELECT event_id, aggregate_id::uuid, 'ann@example.com', 'Confirm your address', '', '' FROM event_store.events
WHERE event_type = 'user.verification_requested';
INSERT INTO delivery.checkpoints (consumer, log_epoch, position, event_id)
SELECT 'mail', epoch, position, event_id FROM event_store.log_head, event_store.events ORDER BY position DESC LIMIT 1";

/// Takes the schema back to what it was before there were deliveries.
async fn first_version(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let empty = "DROP SCHEMA delivery CASCADE; CREATE SCHEMA delivery AUTHORIZATION taskledger_projections;
        SET search_path = delivery; SET ROLE taskledger_projections";
    sqlx::raw_sql(empty).execute(&mut connection).await.unwrap();
    let mut migrations = sqlx::migrate!("../migrations/delivery");
    migrations.set_locking(false);
    migrations.migrations.to_mut().retain(|migration| migration.version == 1);
    migrations.run(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_again_and_nothing_is_lost() {
    let world = World::new().await;
    first_version(&world.url).await;
    let user = Uuid::now_v7();
    let registered = world.registered_at(user, "ann@example.com", "Ann", "en").await;
    world.happens(user, 0, &[registered, to_verify(Uuid::now_v7(), 24)]).await;
    world.run(SENT).await;
    // Happened while nothing ran.
    let position = world.happens(user, 2, &[to_verify(Uuid::now_v7(), 24)]).await;
    projections::migrate(&world.url).await.unwrap();
    // What tells of tasks begins where mails stood, and is silent about what was before.
    assert_eq!(
        world.number("SELECT decides_after FROM delivery.checkpoints WHERE consumer = 'notices'").await,
        2
    );
    let _sending = world.react(Duration::from_secs(2)).and(world.email(&[]));
    world.mailed(position).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.deliveries").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM delivery.mails").await, 2);
    // A sender of the version before never gets its lease again.
    let free = "SELECT count(*) FROM delivery.checkpoints WHERE consumer = 'mail' AND lease_until < clock_timestamp() + interval '100 years'";
    assert_eq!(world.number(free).await, 0);
    projections::migrate(&world.url).await.unwrap();
}

/// Takes the schema back to where versions were a projection of their own, which has just been rebuilt once more.
const VERSIONS_APART: &str = "
DELETE FROM read_model._sqlx_migrations WHERE version = 5;
SELECT read_model.make_schema(98);
SELECT read_model.make_schema(99);
CREATE TABLE read_model_v98.task_versions (id uuid, since bigint, until bigint);
CREATE TABLE read_model_v99.task_versions (id uuid, since bigint, until bigint);
DROP VIEW read_model.task_versions;
CREATE VIEW read_model.task_versions AS SELECT * FROM read_model_v98.task_versions;
CREATE VIEW read_model.task_version_links AS SELECT * FROM read_model_v98.task_versions;
INSERT INTO read_model.projections (name, live_version, shape) VALUES ('task_versions', 98, 'older-1');
INSERT INTO read_model.checkpoints (projection, version, lane)
SELECT 'task_versions', version, lane FROM generate_series(98, 99) AS version, generate_series(0, 15) AS lane;
UPDATE read_model.projections SET shape = 'older-1' WHERE name = 'tasks'";

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_were_a_projection_of_their_own_go_with_the_tasks() {
    let world = World::new().await;
    let histories = some_histories(&world, 4).await;
    world.run(VERSIONS_APART).await;
    projections::migrate(&world.url).await.unwrap();
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('read_model_v98', 'read_model_v99')";
    assert_eq!(world.number(schemas).await, 0);
    assert_eq!(world.number("SELECT count(*) FROM read_model.projections").await, 4);
    assert_eq!(world.number("SELECT count(DISTINCT version) FROM read_model.checkpoints").await, 4);
    let _workers = world.start();
    let rebuilt = "SELECT live_version > $2 FROM read_model.projections WHERE name = $1";
    world.becomes_true(rebuilt, "tasks", 4).await;
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_folded(&world, &histories).await;
}
