//! JetStream fails in every way while a follower reads.

use event_store::{follow::Checkpoint, stream};

use super::world::{World, expect_to};

#[tokio::test]
async fn a_deleted_consumer_is_replaced() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(50).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    for last in [100, 150, 200] {
        expect_to(&mut follower, last - 50).await;
        delete_consumers(&world).await;
        world.append_and_publish_to(last).await;
        expect_to(&mut follower, last).await;
    }
}

async fn delete_consumers(world: &World) {
    use futures_util::TryStreamExt;

    let stream = world.context.get_stream(stream::NAME).await.unwrap();
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    for name in names {
        stream.delete_consumer(&name).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_created_anew_is_joined_again() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(50).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 50).await;
    world.append_to(100).await;
    world.create_stream(81).await;
    world.publish_to(100).await;
    expect_to(&mut follower, 100).await;
    world.append_and_publish_to(120).await;
    expect_to(&mut follower, 120).await;
}

#[tokio::test]
async fn messages_that_are_no_events_are_not_passed_on() {
    let world = World::new().await;
    world.create_stream(1).await;
    world.append_and_publish_to(10).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 10).await;
    world.context.publish("events.nonsense", "{}".into()).await.unwrap().await.unwrap();
    world.append_to(20).await;
    expect_to(&mut follower, 20).await;
    world.create_stream(21).await;
    world.append_and_publish_to(30).await;
    expect_to(&mut follower, 30).await;
}

#[tokio::test]
async fn a_server_that_dies_and_forgets_everything_costs_no_event() {
    let mut nats = servers::testing::own_nats().await;
    let world = World::with(&nats.url()).await;
    world.create_stream(1).await;
    world.append_and_publish_to(50).await;
    let mut follower = world.follow(Checkpoint::BEGINNING);
    expect_to(&mut follower, 50).await;
    nats.kill().await;
    world.append_to(100).await;
    expect_to(&mut follower, 100).await;
    nats.wipe();
    nats.start().await;
    world.append_to(120).await;
    expect_to(&mut follower, 120).await;
    world.create_stream(101).await;
    world.append_and_publish_to(150).await;
    expect_to(&mut follower, 150).await;
}
