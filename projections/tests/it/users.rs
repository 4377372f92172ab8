//! Users with their names in clear, until they are erased.

use chrono::DateTime;
use domain::{
    event::{Change, Nothing, to_stored},
    policy::Role,
    time::{TimeZone, Timestamp},
    user::{Registered, RoleEntry, UserEvent, values::Locale},
};
use event_store::NewEvent;
use uuid::Uuid;

use crate::world::{World, stored};

fn user_event(event: &UserEvent) -> NewEvent {
    let at: Timestamp = DateTime::from_timestamp(1_700_000_000, 0).unwrap().into();
    let (event_type, version) = event.stored_type();
    stored(event_type, version, to_stored(event).unwrap(), at)
}

async fn registered(world: &World, id: Uuid, name: &str) -> UserEvent {
    UserEvent::Registered(Registered {
        email: world.sealer.seal(id, &format!("{id}@example.com")).await.unwrap(),
        name: world.sealer.seal(id, name).await.unwrap(),
        locale: Locale::parse("ko").unwrap(),
        time_zone: TimeZone::parse("Asia/Seoul").unwrap(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_opened_and_states_follow() {
    let world = World::new().await;
    let _workers = world.start_some(&["users"]);
    let id = Uuid::now_v7();
    let first = user_event(&registered(&world, id, "김하늘").await);
    let verified = user_event(&UserEvent::Verified(Nothing {}));
    let member = user_event(&UserEvent::RoleGranted(RoleEntry { role: Role::Member }));
    let auditor = user_event(&UserEvent::RoleGranted(RoleEntry { role: Role::Auditor }));
    let position = world.append("user", id, 0, vec![first, verified, member, auditor]).await;
    world.reached("users", position).await;
    let shown = "SELECT concat_ws(' ', name, email = id || '@example.com', state, roles, locale, time_zone, erased, version)
        FROM read_model.users";
    assert_eq!(world.text(shown).await.unwrap(), "김하늘 t active {member,auditor} ko Asia/Seoul f 4");

    let from = world.sealer.seal(id, "김하늘").await.unwrap();
    let to = world.sealer.seal(id, "김바다").await.unwrap();
    let renamed = user_event(&UserEvent::NameChanged(Change { from, to }));
    let revoked = user_event(&UserEvent::RoleRevoked(RoleEntry { role: Role::Auditor }));
    let position = world.append("user", id, 4, vec![renamed, revoked]).await;
    world.reached("users", position).await;
    assert_eq!(world.text(shown).await.unwrap(), "김바다 t active {member} ko Asia/Seoul f 6");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_has_no_name() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let event = user_event(&registered(&world, id, "Ada").await);
    let position = world.append("user", id, 0, vec![event]).await;
    world.run(&format!("UPDATE event_store.subject_keys SET sealed_key = NULL WHERE subject = '{id}'")).await;
    let _workers = world.start_some(&["users"]);
    world.reached("users", position).await;
    let shown = "SELECT concat_ws(' ', name IS NULL, email IS NULL, erased, state) FROM read_model.users";
    assert_eq!(world.text(shown).await.unwrap(), "t t t unverified");
}

/// By the event, whether or not the name could still be opened when it was folded.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_leaves_the_same_row_live_and_later() {
    let world = World::new().await;
    let id = Uuid::now_v7();
    let first = user_event(&registered(&world, id, "Ada").await);
    let member = user_event(&UserEvent::RoleGranted(RoleEntry { role: Role::Member }));
    let erased = user_event(&UserEvent::Erased(Nothing {}));
    let workers = world.start_some(&["users"]);
    let position = world.append("user", id, 0, vec![first, member]).await;
    world.reached("users", position).await;
    assert_eq!(world.text("SELECT name FROM read_model.users").await.unwrap(), "Ada");
    let position = world.append("user", id, 2, vec![erased]).await;
    world.reached("users", position).await;
    let row = "SELECT u::text FROM read_model.users u";
    let live = world.text(row).await.unwrap();
    let shown =
        "SELECT concat_ws(' ', name IS NULL, email IS NULL, locale IS NULL, erased, state, roles, version)
        FROM read_model.users";
    assert_eq!(world.text(shown).await.unwrap(), "t t t t deactivated {} 3");
    workers.stop().await;
    world.run("DELETE FROM read_model.users").await;
    world
        .run("UPDATE read_model.checkpoints SET position = 0, event_id = NULL WHERE projection = 'users'")
        .await;
    let _workers = world.start_some(&["users"]);
    world.reached("users", position).await;
    assert_eq!(world.text(row).await.unwrap(), live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_name_parks_its_user_only() {
    let world = World::new().await;
    let (good, bad) = (Uuid::now_v7(), Uuid::now_v7());
    let event = user_event(&registered(&world, good, "Ada").await);
    world.append("user", good, 0, vec![event]).await;
    let UserEvent::Registered(mut new) = registered(&world, bad, "Eve").await else { unreachable!() };
    new.name.0.truncate(new.name.0.len() - 4);
    let position = world.append("user", bad, 0, vec![user_event(&UserEvent::Registered(new))]).await;
    let _workers = world.start_some(&["users"]);
    world.reached("users", position).await;
    assert_eq!(world.text("SELECT string_agg(name, ',') FROM read_model.users").await.unwrap(), "Ada");
    assert_eq!(
        world.number("SELECT count(*) FROM read_model.parked_events WHERE projection = 'users'").await,
        1
    );
}
