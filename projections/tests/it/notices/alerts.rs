//! Admins are told of what should not happen.

use chrono::{TimeDelta, Utc};
use domain::{
    event::Nothing,
    notification::ChannelSet,
    user::{Locked, RefreshTokenReused},
};
use projections::reactors::alerts::Watching;
use serde_json::json;

use super::*;

impl World {
    async fn admin(&self, name: &str) -> UserId {
        let admin = self.member(name, "en").await;
        self.happens(admin.0, 3, &[UserEvent::RoleGranted(RoleEntry { role: Role::Admin })]).await;
        admin
    }

    /// A member's fourth event.
    async fn loses_a_session(&self, user: UserId) -> i64 {
        let address = self.seal(user.0, "192.0.2.1").await;
        let (used_from, reused_from) = (address.clone(), address);
        let reused = RefreshTokenReused { session: Uuid::now_v7(), used_from, reused_from };
        self.happens(user.0, 3, &[UserEvent::RefreshTokenReused(reused)]).await
    }

    async fn alerted(&self, position: i64) {
        let sql =
            "SELECT position >= $2 AND NOT EXISTS (SELECT FROM delivery.deliveries WHERE end_time IS NULL)
            FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "alerts", position).await;
    }

    async fn alerts(&self, user: UserId) -> Vec<String> {
        let sql =
            "SELECT concat_ws(' ', happening ->> 'trigger', happening ->> 'count') FROM delivery.notices
            WHERE user_id = $1 AND template = 'alert' ORDER BY position, happening ->> 'trigger'";
        sqlx::query_scalar(sql).bind(user.0).fetch_all(&self.owner).await.unwrap()
    }

    /// Admins are known as of now, and what came before is no news.
    async fn watches_from_now(&self) -> crate::sending::Sending {
        let sql = "INSERT INTO delivery.checkpoints (consumer, log_epoch, decides_after)
            SELECT name, epoch, (SELECT max(position) FROM event_store.events)
            FROM event_store.log_head, unnest(ARRAY['alerts', 'notices']) AS name ON CONFLICT DO NOTHING";
        self.run(sql).await;
        let known = self.number("SELECT max(position) FROM event_store.events").await;
        let telling = self.tell();
        self.told(known).await;
        telling
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_told_once_and_single_ones_not() {
    let world = World::new().await;
    let (root, bob) = (world.admin("Root").await, world.member("Bob", "en").await);
    let telling = world.watches_from_now().await;
    let mut position = 0;
    let locked = || UserEvent::Locked(Locked { until: "2026-11-21T12:00:00Z".parse().unwrap() });
    for version in 3..10 {
        position = world.happens(bob.0, version, &[locked()]).await;
        if version == 6 {
            world.alerted(position).await;
            assert_eq!(world.alerts(root).await, [""; 0]);
        }
    }
    world.alerted(position).await;
    assert_eq!(world.alerts(root).await, ["alert.failed_logins 5"]);
    assert_eq!(world.alerts(bob).await, [""; 0]);
    let mails = world.mailbox().await;
    assert_eq!(
        (mails.len(), &*mails[0].to, &*mails[0].subject),
        (1, "root@example.com", "Many wrong passwords")
    );
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_it_is_not_told() {
    let world = World::new().await;
    let (root, other) = (world.admin("Root").await, world.admin("Other").await);
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(world.has_task(root, created(root, &[])).await);
    }
    let telling = world.watches_from_now().await;
    let mut position = 0;
    for task in &mut tasks {
        position = world.act(task, root, TaskEvent::Deleted(Nothing {})).await;
    }
    world.alerted(position).await;
    assert_eq!(
        (world.alerts(root).await, world.alerts(other).await),
        (vec![], vec!["alert.mass_deletion 20".to_owned()])
    );
    let mails = world.mailbox().await;
    let mail = mails.iter().find(|mail| mail.subject == "Many tasks were deleted").unwrap();
    assert!(mail.text.contains("Root has deleted 20 tasks"), "{}", mail.text);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_most_have_not_are_told() {
    let world = World::new().await;
    let (root, bob) = (world.admin("Root").await, world.member("Bob", "en").await);
    let telling = world.watches_from_now().await;
    world.happens(bob.0, 3, &[UserEvent::RoleGranted(RoleEntry { role: Role::Auditor })]).await;
    // To be a member is nothing special; and another role is told with the first.
    world.member("Eve", "en").await;
    let position =
        world.happens(bob.0, 4, &[UserEvent::RoleGranted(RoleEntry { role: Role::Operator })]).await;
    world.alerted(position).await;
    assert_eq!(world.alerts(root).await, ["alert.role_granted 1"]);
    // Nobody has to look at a role of their own.
    let other = world.admin("Other").await;
    let position = world.log.head().await.unwrap();
    world.alerted(position).await;
    assert_eq!((world.alerts(root).await.len(), world.alerts(other).await.len()), (2, 0));
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_became_an_admin_afterwards_is_told_of_nothing_before() {
    let world = World::new().await;
    let (root, bob) = (world.admin("Root").await, world.member("Bob", "en").await);
    world.watches_from_now().await.end().await;
    world.loses_a_session(bob).await;
    let kim = world.admin("Kim").await;
    let position = world.log.head().await.unwrap();
    // Who is known to be an admin is known up to the end before anybody looks at what happened.
    let mut reactors = world.reactors(&["email"], || Utc::now().into());
    reactors.retain(|reactor| reactor.name() == "notices");
    let knowing = world.react_with(reactors, LEASE);
    world.told(position).await;
    knowing.end().await;
    let telling = world.tell();
    world.alerted(position).await;
    assert_eq!(world.alerts(root).await, ["alert.token_reused 1", "alert.role_granted 1"]);
    assert_eq!(world.alerts(kim).await, [""; 0]);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_two_hands_is_told() {
    let world = World::new().await;
    let (root, bob) = (world.admin("Root").await, world.member("Bob", "en").await);
    let telling = world.watches_from_now().await;
    let position = world.loses_a_session(bob).await;
    world.told(position).await;
    let sql = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
    world.becomes_true(sql, "alerts", position).await;
    assert_eq!(world.alerts(root).await, ["alert.token_reused 1"]);
    assert_eq!(world.alerts(bob).await, [""; 0]);
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_read_may_not_fall_far_behind() {
    let world = World::new().await;
    let root = world.admin("Root").await;
    let workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    workers.stop().await;
    let telling = world.watches_from_now().await;
    let watching = Watching {
        delivery: world.delivery(),
        log: world.log.clone(),
        read_model: world.sources.read_model.clone(),
        ways: ChannelSet::ALL,
    };
    let look =
        async |minutes| watching.look((Utc::now() + TimeDelta::minutes(minutes)).into()).await.unwrap();
    // However old it is, nothing is missing.
    assert_eq!(look(60).await, 0);
    world.has_task(root, created(root, &[])).await;
    assert_eq!(look(0).await, 0);
    let (one, two) = tokio::join!(look(6), look(6));
    assert_eq!((one + two, look(7).await), (4, 0));
    assert_eq!(world.alerts(root).await, ["alert.projection_behind 1"; 4]);
    // It is said again when it has lasted for a quarter of a day.
    assert_eq!(look(6 * 60 + 7).await, 4);
    let workers = world.start();
    world.all_reached(world.log.head().await.unwrap()).await;
    assert_eq!(look(24 * 60).await, 0);
    world.run("UPDATE read_model.projections SET state = 'stopped' WHERE name = 'users'").await;
    assert_eq!(look(24 * 60).await, 1);
    workers.stop().await;
    world.told(0).await;
    let mails = world.mailbox().await;
    let of_tasks = |mail: &&crate::mail::Mail| mail.text.contains("projections/tasks is far behind");
    assert_eq!(mails.iter().filter(of_tasks).count(), 2);
    assert!(mails.iter().all(|mail| mail.subject == "What people read is behind"));
    telling.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_told_on_their_devices() {
    let (world, google, commands) = (World::new().await, pushes::google().await, pushes::nobody().await);
    let (root, bob) = (world.member("Root", "en").await, world.member("Bob", "en").await);
    world.has_devices(root, &["t0ken"]).await;
    let admin = UserEvent::RoleGranted(RoleEntry { role: Role::Admin });
    let position = world.happens(root.0, 4, &[admin]).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    world.decided_on(position).await;
    world.loses_a_session(bob).await;
    world.deliveries_are("delivered", 1).await;
    let message = google.inner().messages[0].clone();
    assert_eq!(
        (&message["token"], &message["data"]["type"]),
        (&json!("t0ken"), &json!("alert.token_reused"))
    );
    let body = message["notification"]["body"].as_str().unwrap();
    assert!(body.contains("A session of Bob was used from two places"), "{body}");
}
