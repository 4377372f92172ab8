//! Every event as auditors look for it, and the copy of the audit log.

use chrono::DateTime;
use domain::{
    event::{ActorType, Metadata},
    ids::UserId,
    time::Timestamp,
};
use event_store::{MasterKey, NewEvent, Role, Sealer, connect_options};
use projections::audit_copy;
use sqlx::postgres::PgPoolOptions;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{World, stored};

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap().into()
}

impl World {
    /// Something that this person did from some address.
    async fn done_by(&self, event_type: &str, person: Uuid, session: Uuid) -> NewEvent {
        let event = stored(event_type, "1", "{}".into(), at(0));
        let mut metadata: Metadata = serde_json::from_str(&event.metadata).unwrap();
        metadata.actor_type = ActorType::User;
        metadata.actor_id = Some(UserId(person));
        metadata.session_id = Some(session);
        metadata.ip = Some(self.sealer.seal(person, "192.0.2.7").await.unwrap());
        metadata.user_agent = Some(self.sealer.seal(person, "tab\tand \\ browser").await.unwrap());
        NewEvent { metadata: serde_json::to_string(&metadata).unwrap().into(), ..event }
    }
}

const SHOWN: &str = "SELECT string_agg(concat_ws(' ', action, host(ip), user_agent), ',' ORDER BY position)
    FROM read_model.audit_events";

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_a_row_with_its_address_until_the_person_is_erased() {
    let world = World::new().await;
    let _workers = world.start_some(&["audit"]);
    let (ann, session) = (Uuid::now_v7(), Uuid::now_v7());
    let acts = vec![
        world.done_by("task.created", ann, session).await,
        stored("task.started", "1", "{}".into(), at(1)),
    ];
    world.append("task", Uuid::now_v7(), 0, acts).await;
    // Whatever it is, and whoever knows it.
    let act = world.done_by("thing.happened", ann, session).await;
    let position = world.append("thing", Uuid::now_v7(), 0, vec![act]).await;
    world.reached("audit", position).await;
    let shown = "task.created 192.0.2.7 tab\tand \\ browser,task.started,thing.happened 192.0.2.7 tab\tand \\ browser";
    assert_eq!(world.text(SHOWN).await.unwrap(), shown);
    let of_session = format!(
        "SELECT count(*) FROM read_model.audit_events WHERE session = '{session}' AND actor = '{ann}'"
    );
    assert_eq!(world.number(&of_session).await, 2);

    world
        .run(&format!("UPDATE event_store.subject_keys SET sealed_key = NULL WHERE subject = '{ann}'"))
        .await;
    let erased = stored("user.erased", "1", "{}".into(), at(2));
    let position = world.append("user", ann, 0, vec![erased]).await;
    world.reached("audit", position).await;
    let shown = "task.created,task.started,thing.happened,user.erased";
    assert_eq!(world.text(SHOWN).await.unwrap(), shown);
    assert_eq!(world.number("SELECT count(*) FROM read_model.audit_events").await, position);
}

const ATTEMPT: &str = "INSERT INTO event_store.audit_log (id, occurred_at, action, outcome, status, actor_type, actor, ip, query, \
    request_id, correlation_id, trace_id, method, route, target_type, target_id) VALUES";

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_copied_once_whoever_copies_and_again_from_another_log() {
    let world = World::new().await;
    let ann = Uuid::now_v7();
    let (ip, query) = (
        world.sealer.seal(ann, "2001:db8::1").await.unwrap(),
        world.sealer.seal(ann, "actor=me").await.unwrap(),
    );
    let add = async |target: &str| {
        let id = Uuid::now_v7();
        let row = format!(
            "('{id}', now(), 'tasks.get_task', 'denied', 403, 'user', '{ann}', '{}', '{}', '{id}', '{id}', '', 'GET', '/', \
             'task', '{target}')",
            ip.0, query.0
        );
        world.run(&format!("{ATTEMPT} {row}")).await;
    };
    add("T-7").await;
    add(&ann.to_string()).await;
    let stop = CancellationToken::new();
    let pool =
        PgPoolOptions::new().connect_lazy_with(connect_options(&world.url, Role::Projections).unwrap());
    let sealer = Arc::new(Sealer::new(pool, &MasterKey([7; 32])));
    let copying: Vec<_> = (0..2)
        .map(|_| {
            let (log, model) = (world.log.clone(), world.sources.read_model.clone());
            tokio::spawn(audit_copy::run(log, sealer.clone(), model, stop.clone()))
        })
        .collect();
    let copied =
        "SELECT count(*) = $2 AND count(DISTINCT position) = $2 AND $1 = '' FROM read_model.audit_attempts";
    world.becomes_true(copied, "", 2).await;
    let shown = "SELECT string_agg(concat_ws(' ', position, host(ip), query, target_key, target = actor), ',' ORDER BY position)
        FROM read_model.audit_attempts";
    assert_eq!(world.text(shown).await.unwrap(), "1 2001:db8::1 actor=me T-7,2 2001:db8::1 actor=me t");
    // Another log: nothing of the old one counts.
    world.run("UPDATE read_model.audit_attempts SET action = 'of another log'").await;
    world.run("UPDATE read_model.audit_copied SET epoch = gen_random_uuid()").await;
    add("T-8").await;
    world.becomes_true(copied, "", 3).await;
    assert_eq!(
        world.number("SELECT count(*) FROM read_model.audit_attempts WHERE action = 'of another log'").await,
        0
    );
    stop.cancel();
    for copying in copying {
        copying.await.unwrap();
    }
}
