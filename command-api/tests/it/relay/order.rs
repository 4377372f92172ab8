//! Nothing fails: order, resumption, hand-over, limits.

use command_api::relay::RelayConfig;
use event_store::stream::{self, StreamConfig};
use tokio::time::Instant;

use super::world::{DEADLINE, World, expect_to};

#[tokio::test]
async fn every_event_stands_at_the_sequence_that_is_its_position() {
    let world = World::new().await;
    world.append(700).await;
    let mut relay = world.relay();
    relay.published(700).await;
    for _ in 0..20 {
        world.append(7).await;
    }
    let status = relay.published(840).await;
    assert_eq!((status.lag(), status.created), (0, 1));
    world.assert_copy(1, 840).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_new_relay_goes_on_where_the_last_one_stopped() {
    let world = World::new().await;
    let mut first = world.unhurried_relay();
    first.leads().await;
    let mut second = world.relay();
    first.published(world.append(50).await).await;
    first.stop().await;
    second.leads().await;
    let status = second.published(world.append(50).await).await;
    assert_eq!(status.created, 0);
    world.assert_copy(1, 100).await;
    second.stop().await;
}

#[tokio::test]
async fn a_stopped_relay_gives_its_lease_back() {
    let world = World::new().await;
    let mut first = world.unhurried_relay();
    first.leads().await;
    first.stop().await;
    let mut second = world.relay();
    second.leads().await;
    second.stop().await;
}

#[tokio::test]
async fn two_relays_at_once_write_every_event_once() {
    let world = World::new().await;
    let (mut one, mut two) = (world.relay(), world.relay());
    let mut follower = world.follower();
    let (mut last, mut rounds) = (0, 0);
    let deadline = Instant::now() + DEADLINE;
    while rounds < 100 || world.lease_epoch().await < 4 {
        assert!(Instant::now() < deadline, "the lease does not change hands");
        rounds += 1;
        last = world.append(20).await;
        // Who holds the lease does not notice before its next renewal, so both publish for a while.
        world.execute("UPDATE event_store.leases SET expires_at = '-infinity'").await;
    }
    tokio::select! {
        _ = one.published(last) => {}
        _ = two.published(last) => {}
    }
    expect_to(&mut follower, last).await;
    world.assert_copy(1, last).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_reseeded_stream_begins_where_it_was_asked_to() {
    let world = World::new().await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    relay.published(world.append(100).await).await;
    let config = StreamConfig::default();
    let reseed = |from| stream::reseed(&world.log, world.context.clone(), &config, from);
    assert_eq!(reseed(Some(61)).await.unwrap(), 61);
    relay.published(world.append(20).await).await;
    world.assert_copy(61, 120).await;
    assert_eq!(reseed(None).await.unwrap(), 1);
    relay.published(world.append(20).await).await;
    world.assert_copy(1, 140).await;
    expect_to(&mut follower, 140).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_at_work_leaves_a_reseeded_stream_alone() {
    let world = World::new().await;
    let mut relay = world.relay();
    relay.published(world.append(100).await).await;
    let config = StreamConfig::default();
    for from in 61..71 {
        world.append(5).await;
        let reseeded = stream::reseed(&world.log, world.context.clone(), &config, Some(from)).await;
        assert_eq!(reseeded.unwrap(), from);
        let last = world.append(5).await;
        relay.published(last).await;
        world.assert_copy(from, last).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_new_stream_holds_no_more_than_fits() {
    let world = World::new().await;
    world.append_large(200, 5_000).await;
    let stream = StreamConfig { max_bytes: 100_000, ..StreamConfig::default() };
    let mut relay = world.relay_with(RelayConfig { stream, ..RelayConfig::default() });
    relay.published(200).await;
    let first = world.first().await;
    assert!(first > 150, "it begins at {first}");
    world.assert_copy(first, 200).await;
    expect_to(&mut world.follower(), 200).await;
    relay.stop().await;
}

#[tokio::test]
async fn an_event_that_nats_cannot_carry_holds_up_nothing() {
    let world = World::new().await;
    let mut relay = world.relay();
    let mut follower = world.follower();
    relay.published(world.append(10).await).await;
    world.append_large(1, 2 << 20).await;
    relay.published(world.append(10).await).await;
    world.assert_copy(12, 21).await;
    expect_to(&mut follower, 21).await;
    relay.stop().await;
}
