//! Everybody has a place in the log, and goes on from there.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use axum::{http::StatusCode, response::IntoResponse};
use domain::webhook::{ReplayRequested, WebhookDefinition, WebhookEvent, values::Moment};

use super::*;
use crate::operations::carry_out;

const NONE: [StatusCode; 0] = [];

fn strict(url: &Url) -> WebhookDefinition {
    WebhookDefinition { ordering: Ordering::Strict, ..definition(url) }
}

fn numbers(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

impl World {
    /// The same with time passing.
    async fn hooks_retried_until_delivered(&self, count: i64) {
        let delivered = "SELECT count(*) FROM delivery.deliveries WHERE state = 'delivered'";
        let retried = async {
            while self.number(delivered).await < count {
                self.retries_are_due().await;
            }
        };
        tokio::time::timeout(DEADLINE, retried).await.unwrap();
    }

    /// Waits until nobody reads on its own any more.
    async fn together(&self) {
        self.becomes_true("SELECT count(*) = $2 AND $1 = '' FROM delivery.webhook_readings", "", 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_the_place_and_nothing_is_lost() {
    let (world, receiver) = (World::new().await, Receiver::start(NONE).await);
    let mut hook = world.hook(strict(receiver.url())).await;
    let (task, _) = world.new_task("0").await;
    let _sending = world.hooks();
    world.hooks_delivered(1).await;
    world.retitled(task, 1, 5).await;
    world.pause(&mut hook).await;
    let position = world.retitled(task, 6, 5).await;
    world.decided(position).await;
    let before = receiver.got().len();
    assert!(before <= 6, "{before}");
    world.resume(&mut hook).await;
    world.together().await;
    world.retitled(task, 11, 3).await;
    world.hooks_delivered(14).await;
    let expected = [numbers(0..=5), numbers(1..=5), numbers(1..=3)].concat();
    assert_eq!(titles(&receiver), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_waits_without_attempts_while_nobody_may_call() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::BAD_GATEWAY]).await);
    let mut hook = world.hook(strict(receiver.url())).await;
    world.new_task("0").await;
    let sending = world.hooks();
    world.deliveries_are("failed", 1).await;
    let position = world.pause(&mut hook).await;
    world.decided(position).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.deliveries WHERE due_at = 'infinity'").await, 1);
    // As if it had been under way just then.
    world.retries_are_due().await;
    let held = "SELECT count(*) = $2 FROM delivery.deliveries
        WHERE due_at > clock_timestamp() AND lease_until IS NULL AND attempts = 1 AND step = 1 AND channel = $1";
    world.becomes_true(held, "webhook", 1).await;
    assert_eq!((world.attempts().await.as_str(), receiver.got().len()), ("1 failed", 1));
    world.resume(&mut hook).await;
    world.hooks_delivered(1).await;
    sending.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_window_makes_the_log_wait() {
    let world = World::new().await;
    let open = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let looked = open.clone();
    let receiver = Receiver::scripted(move |_| {
        let open = looked.load(std::sync::atomic::Ordering::SeqCst);
        let status = if open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        Box::pin(async move { status.into_response() })
    })
    .await;
    let other = Receiver::start(NONE).await;
    let unordered = |url: &Url| WebhookDefinition { ordering: Ordering::None, ..definition(url) };
    let hook = world.hook(unordered(receiver.url())).await;
    world.hook(unordered(other.url())).await;
    let (task, _) = world.new_task("0").await;
    let first = world.retitled(task, 1, 700).await;
    let _sending = world.hooks();
    world.decided(first).await;
    let last = world.retitled(task, 701, 700).await;
    world.decided(last).await;
    let rows = format!("SELECT count(*) FROM delivery.deliveries WHERE recipient = '{}'", hook.id);
    assert_eq!(world.number(&rows).await, 1_000);
    let behind = "SELECT min(position) FROM delivery.webhook_readings";
    assert_eq!(world.number(behind).await, last - 401);
    // Others do not notice.
    let others =
        "SELECT count(*) = $2 FROM delivery.deliveries WHERE state = 'delivered' AND recipient <> $1";
    world.becomes_true(others, &hook.id.to_string(), 1_401).await;

    open.store(true, std::sync::atomic::Ordering::SeqCst);
    world.hooks_retried_until_delivered(2_802).await;
    world.together().await;
    let mut taken: Vec<usize> = titles(&receiver).iter().map(|title| title.parse().unwrap()).collect();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((world.number(&rows).await, taken), (1_401, (0..=700).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_begin_where_they_want() {
    let world = World::new().await;
    let (task, _) = world.new_task("0").await;
    let third = world.retitled(task, 1, 3).await;
    let owner = world.integrator().await;
    let receivers = [Receiver::start(NONE).await, Receiver::start(NONE).await, Receiver::start(NONE).await];
    let starts = [Start::Beginning, Start::At(Moment::Position(third)), Start::At(Moment::Time(now()))];
    for (receiver, start) in receivers.iter().zip(starts) {
        world.hook_of(owner, strict(receiver.url()), start).await;
    }
    let _sending = world.hooks();
    world.together().await;
    world.retitled(task, 4, 1).await;
    world.hooks_delivered(5 + 2 + 1).await;
    let all = receivers.each_ref().map(titles);
    assert_eq!(all[0], ["0", "1", "2", "3", "1"]);
    assert_eq!((all[1].join(" "), all[2].join(" ")), ("3 1".to_owned(), "1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_a_part_of_the_past_again() {
    let (world, receiver) = (World::new().await, Receiver::start(NONE).await);
    let mut hook = world.hook(strict(receiver.url())).await;
    let (task, created) = world.new_task("0").await;
    world.retitled(task, 1, 4).await;
    let _sending = world.hooks();
    world.hooks_delivered(5).await;
    let (replay, from) = (Uuid::now_v7(), Moment::Position(created + 1));
    let to = Some(Moment::Position(created + 3));
    world.on_hook(&mut hook, WebhookEvent::ReplayRequested(ReplayRequested { replay, from, to })).await;
    world.hooks_delivered(7).await;
    world.together().await;
    let again: Vec<_> = receiver.got().split_off(5);
    assert_eq!(again.iter().map(title).collect::<Vec<_>>(), ["1", "2"]);
    assert!(again.iter().all(|got| got.header("webhook-replay") == replay.to_string()));
    let first: Vec<_> = receiver.got()[1..3].iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_eq!(again.iter().map(|got| got.header("webhook-id").to_owned()).collect::<Vec<_>>(), first);
    let triggers = "SELECT string_agg(trigger, ' ' ORDER BY trigger, delivery_id) FROM delivery.attempts";
    assert_eq!(
        world.text(triggers).await.as_deref(),
        Some("replay replay scheduled scheduled scheduled scheduled scheduled")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_an_operation_that_ends_with_its_last_delivery() {
    let ill = Arc::new(AtomicBool::new(false));
    let says = ill.clone();
    let receiver = Receiver::scripted(move |_| {
        let ill = says.load(Relaxed);
        let status = if ill { StatusCode::BAD_GATEWAY } else { StatusCode::NO_CONTENT };
        Box::pin(async move { status.into_response() })
    });
    let (world, receiver) = (World::new().await, receiver.await);
    let mut hook = world.hook(definition(receiver.url())).await;
    for title in ["0", "1"] {
        world.new_task(title).await;
    }
    let _sending = world.hooks();
    world.hooks_delivered(2).await;
    ill.store(true, Relaxed);
    let asked = ReplayRequested { replay: Uuid::now_v7(), from: Moment::Position(1), to: None };
    world.on_hook(&mut hook, WebhookEvent::ReplayRequested(asked)).await;
    let (dying, _) = carry_out(&world);
    let stands = "SELECT state = 'running' AND kind = 'replay_webhook' AND done = 0 AND total = $2
        FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(stands, &asked.replay.to_string(), 2).await;
    dying.abort();
    ill.store(false, Relaxed);
    let (working, _) = carry_out(&world);
    world.hooks_retried_until_delivered(4).await;
    let ended = "SELECT state = 'done' AND end_time IS NOT NULL AND (done, total) = ($2, $2)
            AND response = '{\"deliveries\": 2, \"delivered\": 2}'
        FROM read_model.operations WHERE id = $1::uuid";
    world.becomes_true(ended, &asked.replay.to_string(), 2).await;
    working.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_everything_arrives_in_order() {
    let (world, receiver) = (World::new().await, Receiver::start(NONE).await);
    let mut hook = world.hook(strict(receiver.url())).await;
    let (task, _) = world.new_task("0").await;
    for round in 0..6 {
        let sending = world.hooks();
        if round % 2 == 1 {
            world.pause(&mut hook).await;
        }
        world.retitled(task, 1 + round * 20, 20).await;
        if round % 2 == 1 {
            world.resume(&mut hook).await;
        }
        world.hooks_delivered(1 + round * 20).await;
        sending.crash().await;
        world.leases_of_attempts_run_out().await;
    }
    let _sending = world.hooks();
    world.hooks_delivered(121).await;
    let mut taken = titles(&receiver);
    // At least once: an attempt that nobody has seen the end of is made again.
    taken.dedup();
    let rounds = std::iter::repeat_n(numbers(1..=20), 6).flatten();
    assert_eq!(taken, std::iter::once("0".to_owned()).chain(rounds).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_what_was_deleted() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::BAD_GATEWAY]).await);
    let mut hook = world.hook(strict(receiver.url())).await;
    let (task, _) = world.new_task("0").await;
    let _sending = world.hooks();
    world.deliveries_are("failed", 1).await;
    world.on_hook(&mut hook, WebhookEvent::Deleted(Nothing {})).await;
    let position = world.retitled(task, 1, 1).await;
    world.decided(position).await;
    assert_eq!(world.hook_states().await, "skipped the webhook was deleted");
    assert_eq!(world.number("SELECT count(*) FROM delivery.webhooks").await, 0);
}
