//! Followers of one process that share a tail see what they would see alone.

use std::sync::Arc;

use event_store::{
    Pressure,
    follow::{Checkpoint, FollowError, Follower, Tail},
};

use super::world::{World, expect_to, jetstream, next_batch};
use crate::store::PATIENCE;

fn tail(world: &World) -> Tail {
    Tail::start(world.log.clone(), world.context.clone(), Pressure::default())
}

fn sharing(world: &World, tail: &Tail, from: Checkpoint) -> Follower {
    world.follow(from).sharing(tail.clone())
}

#[tokio::test]
async fn an_event_is_decoded_once_for_all_followers() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(10).await;
    let tail = tail(&world);
    let mut one = sharing(&world, &tail, Checkpoint::BEGINNING);
    let mut other = sharing(&world, &tail, world.checkpoint(10).await);
    expect_to(&mut one, 10).await;
    let shared = async {
        for position in 11.. {
            world.append_and_publish_to(position).await;
            let (one, other) = (next_batch(&mut one).await.unwrap(), next_batch(&mut other).await.unwrap());
            assert_eq!((one[0].position, other[0].position), (position, position));
            if Arc::ptr_eq(&one[0], &other[0]) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, shared).await.expect("each goes on by itself");
}

#[tokio::test]
async fn who_is_far_behind_catches_up_and_is_fed_then() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_to(6_000).await;
    let tail = tail(&world);
    let mut behind = sharing(&world, &tail, Checkpoint::BEGINNING);
    let mut ahead = sharing(&world, &tail, world.checkpoint(6_000).await);
    world.append_to(6_001).await;
    expect_to(&mut ahead, 6_001).await;
    // More than a tail keeps.
    world.append_to(13_000).await;
    tokio::join!(expect_to(&mut behind, 13_000), expect_to(&mut ahead, 13_000));
    world.append_to(13_010).await;
    tokio::join!(expect_to(&mut behind, 13_010), expect_to(&mut ahead, 13_010));
}

#[tokio::test]
async fn a_tail_needs_no_nats() {
    let mut world = World::new().await;
    world.context = jetstream("nats://127.0.0.1:9").await;
    let tail = tail(&world);
    let mut follower = sharing(&world, &tail, Checkpoint::BEGINNING);
    for last in [1, 200, 300] {
        world.append_to(last).await;
        expect_to(&mut follower, last).await;
    }
}

#[tokio::test]
async fn another_log_ends_every_follower() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(10).await;
    let tail = tail(&world);
    let mut followers =
        [sharing(&world, &tail, Checkpoint::BEGINNING), sharing(&world, &tail, world.checkpoint(10).await)];
    world.append_and_publish_to(20).await;
    for follower in &mut followers {
        expect_to(follower, 20).await;
    }
    let expected = world.log.epoch().await.unwrap();
    world.execute("UPDATE event_store.log_head SET epoch = gen_random_uuid()").await;
    world.create_stream(1).await;
    let found = world.log.epoch().await.unwrap();
    for follower in &mut followers {
        assert_eq!(next_batch(follower).await.unwrap_err(), FollowError::EpochChanged { expected, found });
    }
}
