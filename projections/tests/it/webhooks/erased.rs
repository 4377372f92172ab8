//! With a person go their webhooks.

use axum::http::StatusCode;

use super::*;

const FAILING: [StatusCode; 2] = [StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY];
const HOOKS: &str = "SELECT count(*) FROM delivery.webhooks";

impl World {
    async fn erased(&self, hook: &Hook) -> i64 {
        self.user(hook.owner.0, 1, UserEvent::Erased(Nothing {})).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_go_with_all_that_was_sent_and_nothing_is_called_any_more() {
    let (world, receiver) = (World::new().await, Receiver::start(FAILING).await);
    let mut theirs = world.hook(definition(receiver.url())).await;
    let others = world.hook(definition(receiver.url())).await;
    world.new_task("once").await;
    let _sending = world.hooks();
    world.deliveries_are("failed", 2).await;
    let erased = world.erased(&theirs).await;
    world.decided(erased).await;
    let left = format!("SELECT count(*) FROM delivery.webhooks WHERE id = '{}'", others.id);
    assert_eq!((world.number(HOOKS).await, world.number(&left).await), (1, 1));
    let sent = "SELECT count(*) FROM delivery.deliveries WHERE channel = 'webhook' AND recipient <> ";
    assert_eq!(world.number(&format!("{sent} '{}'", others.id)).await, 0);
    assert_eq!(world.attempts().await, "1 failed");

    // In the log the endpoint still is, and operators may command it.
    world.pause(&mut theirs).await;
    world.resume(&mut theirs).await;
    let before = receiver.got().len();
    let (_, position) = world.new_task("twice").await;
    world.decided(position).await;
    world.retries_are_due().await;
    world.hooks_delivered(2).await;
    assert_eq!(receiver.got().len(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_reactor_has_taken_away_holds_nobody_up() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::OK]).await);
    let mut hook = world.hook(definition(receiver.url())).await;
    let (_, position) = world.new_task("once").await;
    let sending = world.hooks();
    world.decided(position).await;
    sending.end().await;
    world.pause(&mut hook).await;
    let position = world.erased(&hook).await;
    let mut others = world.reactors(&["email"], now);
    others.retain(|reactor| reactor.name() != "webhooks");
    let others = world.react_with(others, Duration::from_secs(2));
    let passed = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
    world.becomes_true(passed, "notices", position).await;
    assert_eq!(world.number(HOOKS).await, 0);
    others.end().await;
    let _sending = world.hooks();
    world.decided(position).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.webhook_readings").await, 0);
}
