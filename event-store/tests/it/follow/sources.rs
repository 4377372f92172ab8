//! Where the events come from.

use std::time::Duration;

use event_store::follow::Checkpoint;
use futures_util::{StreamExt, pin_mut};
use tokio::time::{Instant, timeout};

use super::world::{World, expect_to, jetstream};
use crate::store::PATIENCE;

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
    let mut last = 200;
    world.append_and_publish_to(last).await;
    let mut follower = world.follow(world.checkpoint(50).await);
    expect_to(&mut follower, last).await;
    let deadline = Instant::now() + PATIENCE;
    // A server that is slow to answer is not waited for: the follower reads the log and tries again.
    while world.consumers().await == 0 {
        assert!(Instant::now() < deadline, "the stream is never used");
        last += 1;
        world.append_and_publish_to(last).await;
        expect_to(&mut follower, last).await;
    }
    for last in last + 1..=last + 20 {
        world.append_and_publish_to(last).await;
        expect_to(&mut follower, last).await;
    }
    assert!(world.consumers().await < 10, "a consumer is kept, not made for every batch");
}

/// An event is 512 KiB at most.
const LARGE: i32 = 500 << 10;

/// Follows large events one by one; how many of them the server has sent ahead at most.
async fn sent_ahead() -> i64 {
    const EVENTS: i64 = 64;
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_large_to(EVENTS, LARGE).await;
    world.publish_to(EVENTS).await;
    let (mut follower, mut most) = (world.follow(Checkpoint::BEGINNING), 0);
    for position in 1..=EVENTS {
        let batch = timeout(PATIENCE, follower.next_batch(1)).await.expect("nothing came").unwrap();
        assert_eq!(batch.iter().map(|event| event.position).collect::<Vec<_>>(), [position]);
        most = most.max(world.sent().await - position);
    }
    most
}

#[tokio::test]
async fn large_events_come_and_are_not_sent_far_ahead() {
    let mut ahead = 0;
    // A server that is slow to answer is not waited for: the log is read then.
    while ahead == 0 {
        ahead = sent_ahead().await;
    }
    assert!(ahead * i64::from(LARGE) <= 4 << 20, "{ahead} events are sent ahead");
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
    // Each wait in vain makes the next one longer, or on a slow machine no step would ever come to its end.
    let mut in_vain = 0;
    while next <= 400 {
        if last < next && last < 400 {
            last += 20;
            world.append_and_publish_to(last).await;
        }
        let wait = Duration::from_micros(u64::try_from(1 + next % 7).unwrap() * 150) * 2_u32.pow(in_vain);
        assert!(wait < PATIENCE, "nothing came");
        match timeout(wait, follower.next_batch(3)).await {
            Ok(batch) => {
                in_vain = 0;
                for envelope in batch.unwrap() {
                    assert_eq!(envelope.position, next);
                    next += 1;
                }
            }
            Err(_) => in_vain += 1,
        }
    }
}
