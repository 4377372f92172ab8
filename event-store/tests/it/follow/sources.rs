//! Where the events come from.

use event_store::follow::Checkpoint;
use futures_util::{StreamExt, pin_mut};

use super::world::{World, expect_to, jetstream};

#[tokio::test]
async fn without_nats_the_log_is_enough() {
    let mut world = World::new().await;
    world.context = jetstream("nats://127.0.0.1:9").await;
    world.append_to(200).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 200).await;
    world.append_to(300).await;
    expect_to(&mut follower, 300).await;
}

#[tokio::test]
async fn the_stream_is_used_while_it_has_the_events() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(200).await;
    let mut follower = world.follow(world.checkpoint(50).await);
    expect_to(&mut follower, 200).await;
    assert_eq!(world.consumers().await, 1);
    world.append_and_publish_to(210).await;
    expect_to(&mut follower, 210).await;
}

#[tokio::test]
async fn what_the_stream_no_longer_has_comes_from_the_log() {
    let world = World::new().await;
    world.append_to(500).await;
    world.create_stream(401).await;
    world.publish_to(500).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 500).await;
    world.append_and_publish_to(510).await;
    expect_to(&mut follower, 510).await;
}

#[tokio::test]
async fn events_that_the_relay_does_not_bring_come_from_the_log() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(10).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 10).await;
    world.append_to(30).await;
    expect_to(&mut follower, 30).await;
    world.publish_to(30).await;
    world.append_and_publish_to(40).await;
    expect_to(&mut follower, 40).await;
}

#[tokio::test]
async fn a_stream_of_another_log_is_not_used() {
    let nats = servers::testing::nats().await;
    let world = World::with(nats.url()).await;
    let other = World::with(nats.url()).await;
    other.execute("UPDATE event_store.log_head SET epoch = gen_random_uuid()").await;
    other.create_stream(1).await;
    other.append_and_publish_to(100).await;
    world.append_to(100).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 100).await;
    assert_eq!(world.consumers().await, 0);
}

#[tokio::test]
async fn events_come_one_by_one_as_a_stream() {
    let world = World::new().await;
    world.append_to(20).await;
    let stream = world.follow(Checkpoint::BEGINNING).into_stream();
    pin_mut!(stream);
    for position in 1..=20 {
        assert_eq!(stream.next().await.unwrap().unwrap().position, position);
    }
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let world = World::new().await;
    world.create_stream(1).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    let (mut next, mut last) = (1, 0);
    while next <= 400 {
        if last < next && last < 400 {
            last += 20;
            world.append_and_publish_to(last).await;
        }
        let wait = std::time::Duration::from_micros(u64::try_from(next % 7 * 150).unwrap());
        if let Ok(batch) = tokio::time::timeout(wait, follower.next_batch(3)).await {
            for envelope in batch.unwrap() {
                assert_eq!(envelope.position, next);
                next += 1;
            }
        }
    }
}
