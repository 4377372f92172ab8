//! Calls a second are bounded, by turns that the endpoint's row gives out.

use super::*;

fn throttled(receiver: &Receiver, per_second: i64) -> WebhookDefinition {
    let throttle_per_second = Some(Throttle::parse(per_second).unwrap());
    WebhookDefinition { throttle_per_second, ..definition(receiver.url()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_before_its_turn_and_each_call_takes_one() {
    let (world, receiver) = (World::new().await, Receiver::start([(); 0]).await);
    let hook = world.hook(throttled(&receiver, 2)).await;
    let _sending = world.hooks();
    let (_, position) = world.new_task("first").await;
    world.decided(position).await;
    world.hooks_delivered(1).await;
    world.run("UPDATE delivery.webhooks SET next_call_at = clock_timestamp() + interval '2 seconds'").await;
    world.run("CREATE TABLE turns AS SELECT next_call_at AS first FROM delivery.webhooks").await;
    for title in ["second", "third", "fourth"] {
        world.new_task(title).await;
    }
    world.hooks_delivered(4).await;
    let early = "SELECT count(*) FROM delivery.deliveries, turns WHERE position > (
            SELECT min(position) FROM delivery.deliveries) AND end_time < first";
    assert_eq!(world.number(early).await, 0);
    // The last of three turns begins two halves of a second after the first, and the next one another half later.
    let taken = "SELECT count(*) FROM delivery.webhooks, turns
        WHERE next_call_at >= first + interval '1.5 seconds' AND (
            SELECT max(end_time) FROM delivery.deliveries) >= first + interval '1 second'";
    assert_eq!(world.number(taken).await, 1, "{}", hook.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_would_wait_too_long_is_put_back_and_takes_no_turn() {
    let (world, receiver) = (World::new().await, Receiver::start([(); 0]).await);
    world.hook(throttled(&receiver, 1)).await;
    let _sending = world.hooks();
    let (_, position) = world.new_task("first").await;
    world.decided(position).await;
    world.hooks_delivered(1).await;
    world.run("UPDATE delivery.webhooks SET next_call_at = '2100-01-01'").await;
    world.new_task("second").await;
    let put_back = "SELECT count(*) = $2 FROM delivery.deliveries
        WHERE state = $1 AND lease_until IS NULL AND attempts = 0 AND due_at > create_time + interval '5 seconds'";
    world.becomes_true(put_back, "pending", 1).await;
    let turns = "SELECT count(*) FROM delivery.webhooks WHERE next_call_at = '2100-01-01'";
    assert_eq!((world.number(turns).await, titles(&receiver)), (1, vec!["first".to_owned()]));
    world.run("UPDATE delivery.webhooks SET next_call_at = '-infinity'").await;
    world.run("UPDATE delivery.deliveries SET due_at = '-infinity' WHERE state = 'pending'").await;
    world.hooks_delivered(2).await;
    assert_eq!(titles(&receiver), ["first", "second"]);
}
