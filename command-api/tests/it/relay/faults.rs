//! JetStream or the log is not what it was.

use event_store::{
    follow::FollowError,
    stream::{self, EventStream, StreamConfig},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::world::{DEADLINE, World, expect_to, template};

#[tokio::test]
async fn nats_may_be_absent_at_first() {
    let mut nats = servers::testing::own_nats().await;
    nats.kill().await;
    let world = World::with(&nats.url()).await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    world.append(100).await;
    expect_to(&mut follower, 100).await;
    nats.start().await;
    relay.published(100).await;
    world.append(20).await;
    expect_to(&mut follower, 120).await;
    relay.published(120).await;
    world.assert_copy(1, 120).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_server_killed_and_wiped_under_load_costs_no_event() {
    let mut nats = servers::testing::own_nats().await;
    let world = World::with(&nats.url()).await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    let load = async {
        for _ in 0..400 {
            world.append(5).await;
        }
    };
    let harm = async {
        for position in [200, 600] {
            relay.published(position).await;
            nats.kill().await;
            nats.wipe();
            nats.start().await;
        }
    };
    let follow = expect_to(&mut follower, 2000);
    tokio::join!(load, harm, follow);
    // One more, for what the relay says of the others may be from before the last harm.
    let status = relay.published(world.append(1).await).await;
    assert_eq!(status.lag(), 0);
    world.assert_copy(world.first().await, 2001).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_foreign_stream_under_our_name_is_replaced() {
    let world = World::new().await;
    EventStream::new(world.context.clone())
        .recreate(&StreamConfig::default(), Uuid::new_v4(), 1)
        .await
        .unwrap();
    foreign_message(&world).await;
    world.append(30).await;
    let mut relay = world.relay();
    let status = relay.published(30).await;
    assert_eq!(status.created, 1);
    world.assert_copy(1, 30).await;
    relay.stop().await;
}

#[tokio::test]
async fn foreign_messages_in_the_stream_are_driven_out() {
    let world = World::new().await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    relay.published(world.append(30).await).await;
    foreign_message(&world).await;
    relay.published(world.append(30).await).await;
    foreign_message(&world).await;
    expect_to(&mut follower, 60).await;
    relay.created(3).await;
    relay.published(world.append(1).await).await;
    world.assert_copy(1, 61).await;
    relay.stop().await;
}

async fn foreign_message(world: &World) {
    world.context.publish("events.nonsense", "{}".into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_restored_log_replaces_the_stream_and_stops_followers() {
    let world = World::new().await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    relay.published(world.append(50).await).await;
    expect_to(&mut follower, 50).await;
    let restore = "WITH lost AS (DELETE FROM event_store.events WHERE position > 20) \
         UPDATE event_store.log_head SET epoch = gen_random_uuid()";
    world.execute(restore).await;
    let error = timeout(DEADLINE, follower.next_batch(10)).await.unwrap().unwrap_err();
    assert!(matches!(error, FollowError::EpochChanged { .. }), "{error}");
    relay.created(2).await;
    relay.published(world.append(10).await).await;
    world.assert_copy(1, 30).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_stream_ahead_of_the_log_is_replaced() {
    let world = World::new().await;
    let mut relay = world.relay();
    relay.published(world.append(50).await).await;
    relay.stop().await;
    world.execute("DELETE FROM event_store.events WHERE position > 20").await;
    let mut relay = world.relay();
    let status = relay.published(20).await;
    assert_eq!(status.created, 1);
    relay.published(world.append(5).await).await;
    world.assert_copy(1, 25).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_stream_that_holds_other_events_is_replaced() {
    let world = World::new().await;
    let mut relay = world.relay();
    relay.published(world.append(50).await).await;
    relay.stop().await;
    world.execute("UPDATE event_store.events SET event_id = gen_random_uuid() WHERE position > 20").await;
    let mut relay = world.relay();
    relay.published(world.append(5).await).await;
    world.assert_copy(1, 55).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_deleted_stream_is_created_anew_even_when_nothing_is_written() {
    let world = World::new().await;
    let mut relay = world.relay();
    relay.published(world.append(50).await).await;
    world.context.delete_stream(stream::NAME).await.unwrap();
    relay.created(2).await;
    relay.published(50).await;
    world.assert_copy(1, 50).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_postgres_killed_under_load_costs_no_event() {
    let mut postgres = servers::testing::own_postgres(&template()).await;
    let nats = servers::testing::nats().await;
    let world = World::on(&postgres.url(), nats.url()).await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    relay.published(world.append(100).await).await;
    world.append(100).await;
    postgres.kill().await;
    postgres.start().await;
    let last = world.append(100).await;
    relay.published(last).await;
    expect_to(&mut follower, last).await;
    world.assert_copy(1, last).await;
    relay.stop().await;
}
