//! When checkpoint and log do not belong together.

use event_store::follow::{Checkpoint, FollowError};
use uuid::Uuid;

use super::world::{World, expect_to, next_batch};

const NEW_EPOCH: &str = "UPDATE event_store.log_head SET epoch = gen_random_uuid()";

async fn world_with(last: i64) -> World {
    let world = World::new().await;
    world.append_to(last).await;
    world
}

#[tokio::test]
async fn a_checkpoint_ahead_of_the_log_is_reported() {
    let world = world_with(10).await;
    let mut follower = world.follow(Checkpoint { position: 11, event_id: None });
    let error = next_batch(&mut follower).await.unwrap_err();
    assert_eq!(error, FollowError::CheckpointAhead { position: 11, head: 10 });
    assert_eq!(next_batch(&mut follower).await.unwrap_err(), error, "errors are final");
}

#[tokio::test]
async fn another_event_at_the_checkpoint_is_reported() {
    let world = world_with(10).await;
    let expected = world.checkpoint(9).await.event_id.unwrap();
    let found = world.checkpoint(10).await.event_id.unwrap();
    let mut follower = world.follow(Checkpoint::at(10, expected));
    let error = next_batch(&mut follower).await.unwrap_err();
    assert_eq!(error, FollowError::CheckpointMismatch { position: 10, expected, found });
}

#[tokio::test]
async fn a_checkpoint_of_another_epoch_is_reported() {
    let world = world_with(10).await;
    let expected = Uuid::new_v4();
    let mut follower = world.follow(world.checkpoint(10).await).expecting_epoch(expected);
    let found = world.log.epoch().await.unwrap();
    assert_eq!(next_batch(&mut follower).await.unwrap_err(), FollowError::EpochChanged { expected, found });
}

#[tokio::test]
async fn an_epoch_that_changes_on_the_way_is_reported_when_the_stream_is_replaced() {
    let world = world_with(10).await;
    world.create_stream(1).await;
    world.publish_to(10).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 10).await;
    let expected = follower.epoch().unwrap();
    world.execute(NEW_EPOCH).await;
    world.create_stream(1).await;
    let found = world.log.epoch().await.unwrap();
    assert_eq!(next_batch(&mut follower).await.unwrap_err(), FollowError::EpochChanged { expected, found });
}

#[tokio::test]
async fn an_epoch_that_changes_on_the_way_is_reported_without_a_stream_too() {
    let world = world_with(10).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 10).await;
    let expected = follower.epoch().unwrap();
    world.execute(NEW_EPOCH).await;
    let found = world.log.epoch().await.unwrap();
    assert_eq!(next_batch(&mut follower).await.unwrap_err(), FollowError::EpochChanged { expected, found });
}

#[tokio::test]
async fn a_hole_in_the_log_stops_everything() {
    let world = world_with(10).await;
    world.execute("DELETE FROM event_store.events WHERE position IN (5, 6)").await;
    let mut follower = world.follow(Checkpoint { position: 3, event_id: None });
    let error = next_batch(&mut follower).await.unwrap_err();
    assert_eq!(error, FollowError::Hole { after: 4, found: 7 });
}

#[tokio::test]
async fn a_damaged_event_stops_everything() {
    let world = world_with(10).await;
    world.execute("UPDATE event_store.events SET metadata = '{}' WHERE position = 5").await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    assert_eq!(next_batch(&mut follower).await.unwrap_err(), FollowError::Damaged { position: 5 });
}
