//! What waits for what, and who does not.

use axum::{http::StatusCode, response::IntoResponse};
use domain::webhook::WebhookDefinition;

use super::*;

fn answer(status: StatusCode) -> futures_util::future::BoxFuture<'static, axum::response::Response> {
    Box::pin(async move { status.into_response() })
}

/// Refuses `bad` until it is told otherwise, in the way of a receiver that cannot read it.
async fn picky() -> (Receiver, Arc<std::sync::atomic::AtomicBool>) {
    let mended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let looked = mended.clone();
    let receiver = Receiver::scripted(move |got| {
        let bad = title(got) == "bad" && !looked.load(std::sync::atomic::Ordering::SeqCst);
        answer(if bad { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK })
    });
    (receiver.await, mended)
}

async fn sent_in(ordering: Ordering) -> (World, Receiver, Sending, Arc<std::sync::atomic::AtomicBool>) {
    let (world, (receiver, mended)) = (World::new().await, picky().await);
    world.hook(WebhookDefinition { ordering, ..definition(receiver.url()) }).await;
    let (bad, _) = world.new_task("bad").await;
    world.retitled(bad, 1, 2).await;
    let (good, _) = world.new_task("good").await;
    let position = world.retitled(good, 1, 1).await;
    let sending = world.hooks();
    world.decided(position).await;
    world.deliveries_are("failed", 1).await;
    (world, receiver, sending, mended)
}

async fn mend(world: &World, mended: &std::sync::atomic::AtomicBool) {
    mended.store(true, std::sync::atomic::Ordering::SeqCst);
    world.retries_are_due().await;
    world.hooks_delivered(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_holds_up_what_happens_to_the_same_task_only() {
    let (world, receiver, _sending, mended) = sent_in(Ordering::PerAggregate).await;
    world.hooks_delivered(2).await;
    mend(&world, &mended).await;
    let titles = titles(&receiver);
    assert_eq!(titles.iter().filter(|title| *title == "good").count(), 1);
    let of_bad: Vec<_> = titles.iter().rev().take(3).rev().collect();
    assert_eq!(of_bad, ["bad", "1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_strict_order_everything_waits() {
    let (world, receiver, _sending, mended) = sent_in(Ordering::Strict).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.attempts").await, 1);
    mend(&world, &mended).await;
    assert_eq!(titles(&receiver), ["bad", "bad", "1", "2", "good", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_order_nothing_waits() {
    let (world, _receiver, _sending, mended) = sent_in(Ordering::None).await;
    world.hooks_delivered(4).await;
    mend(&world, &mended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_delays_only_itself() {
    let world = World::new().await;
    let hanging = Receiver::scripted(|_| Box::pin(std::future::pending())).await;
    let none: [StatusCode; 0] = [];
    let answering = Receiver::start(none).await;
    let unordered = |url: &Url| WebhookDefinition { ordering: Ordering::None, ..definition(url) };
    world.hook(unordered(hanging.url())).await;
    for _ in 0..10 {
        world.hook(unordered(answering.url())).await;
    }
    let (task, _) = world.new_task("t").await;
    let position = world.retitled(task, 1, 99).await;
    let _sending = world.hooks();
    world.decided(position).await;
    world.hooks_delivered(1_000).await;
    let under_way = "SELECT count(*) FROM delivery.deliveries WHERE lease_until IS NOT NULL";
    assert_eq!((answering.got().len(), world.number(under_way).await), (1_000, 4));
}
