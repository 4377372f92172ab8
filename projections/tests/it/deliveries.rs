//! The engine, over a channel that does as it is told.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{
    delivery::{DeliverySelection, DeliveryState},
    ids::EventId,
    operation::{OperationKind, Requested},
    task::values::Reason,
};
use futures_util::future::BoxFuture;
use projections::deliveries::{
    Attempted, Channel, ChannelSettings, Job, NewDelivery, Outcome, Schedule, forget, insert,
};
use serde_json::json;
use sqlx::Connection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    operations::{ask, ask_for, carry_out, outcome},
    world::World,
};

const NAME: &str = "scripted";
const AT_ONCE: Schedule = Schedule(&[Duration::ZERO, Duration::ZERO]);
const LATER: Schedule = Schedule(&[Duration::from_secs(3_600)]);

type Script = dyn Fn(&Job) -> BoxFuture<'static, Attempted> + Send + Sync;

struct Scripted {
    settings: ChannelSettings,
    patience: Option<Duration>,
    script: Box<Script>,
    /// Recipient and what it was sent, call by call.
    calls: Mutex<Vec<(String, i64)>>,
}

impl Scripted {
    fn new(
        schedule: Schedule,
        script: impl Fn(&Job) -> BoxFuture<'static, Attempted> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let settings = ChannelSettings {
            concurrency: 4,
            per_recipient: 1,
            per_second: None,
            schedule,
            deadline: Duration::from_secs(600),
            lease: Duration::from_secs(1_200),
        };
        Arc::new(Self { settings, patience: None, script: Box::new(script), calls: Mutex::default() })
    }

    fn calls(&self) -> Vec<(String, i64)> {
        self.calls.lock().unwrap().clone()
    }
}

impl Channel for Scripted {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> ChannelSettings {
        self.settings
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        let number = job.payload["number"].as_i64().unwrap();
        self.calls.lock().unwrap().push((job.recipient.clone(), number));
        (self.script)(job)
    }
}

fn at_once(attempted: Attempted) -> BoxFuture<'static, Attempted> {
    Box::pin(async { attempted })
}

fn delivered() -> BoxFuture<'static, Attempted> {
    at_once(Attempted::new(Outcome::Delivered))
}

fn never() -> BoxFuture<'static, Attempted> {
    Box::pin(std::future::pending())
}

fn to(recipient: &str, number: i64) -> NewDelivery {
    NewDelivery {
        event_id: EventId(Uuid::now_v7()),
        position: number,
        channel: NAME,
        recipient: recipient.to_owned(),
        order_key: None,
        due: None,
        payload: json!({ "number": number }),
    }
}

fn in_order(key: &str, recipient: &str, number: i64) -> NewDelivery {
    NewDelivery { order_key: Some(key.to_owned()), ..to(recipient, number) }
}

impl World {
    async fn deliver(&self, new: &[NewDelivery]) {
        let mut connection = sqlx::PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql("SET search_path = delivery").execute(&mut connection).await.unwrap();
        insert(&mut connection, new).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_between_call_and_record_is_unknown_and_tried_again() {
    let world = World::new().await;
    let first = Scripted::new(AT_ONCE, |_| never());
    let dying = world.carry(first.clone());
    world.deliver(&[to("ann", 1)]).await;
    let called = "SELECT count(*) = $2 FROM delivery.attempts WHERE outcome = $1";
    world.becomes_true(called, "unknown", 1).await;
    dying.crash().await;
    let second = Scripted::new(AT_ONCE, |_| delivered());
    let _working = world.carry(second.clone());
    world.leases_of_attempts_run_out().await;
    world.deliveries_are("delivered", 1).await;
    assert_eq!(world.attempts().await, "1 unknown, 2 delivered");
    assert_eq!(second.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_process_survives_is_given_up() {
    let world = World::new().await;
    world.deliver(&[to("ann", 1)]).await;
    for number in 1..=3 {
        let dying = world.carry(Scripted::new(AT_ONCE, |_| never()));
        let called = "SELECT count(*) = $2 FROM delivery.attempts WHERE outcome = $1";
        world.becomes_true(called, "unknown", number).await;
        dying.crash().await;
        world.leases_of_attempts_run_out().await;
    }
    let channel = Scripted::new(AT_ONCE, |_| delivered());
    let _working = world.carry(channel.clone());
    world.deliveries_are("exhausted", 1).await;
    assert!(channel.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_work_and_nothing_is_called_twice() {
    let world = World::new().await;
    let channel = Scripted::new(LATER, |_| {
        Box::pin(async {
            tokio::task::yield_now().await;
            Attempted::new(Outcome::Delivered)
        })
    });
    let _working = [world.carry(channel.clone()), world.carry(channel.clone()), world.carry(channel.clone())];
    for batch in 0..10 {
        let new: Vec<_> = (0..40).map(|number| to(&format!("user {number}"), batch * 40 + number)).collect();
        world.deliver(&new).await;
    }
    world.deliveries_are("delivered", 400).await;
    let mut numbers: Vec<_> = channel.calls().into_iter().map(|(_, number)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..400).collect::<Vec<_>>());
    assert_eq!(world.number("SELECT count(DISTINCT lease_owner) FROM delivery.deliveries").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_delays_only_itself() {
    let world = World::new().await;
    let channel = Scripted::new(LATER, |job| if job.recipient == "hangs" { never() } else { delivered() });
    let mut new: Vec<_> = (0..200).map(|number| to("hangs", number)).collect();
    new.extend((0..100).map(|number| to(&format!("user {number}"), 200 + number)));
    world.deliver(&new).await;
    let _working = world.carry(channel.clone());
    world.deliveries_are("delivered", 100).await;
    assert_eq!(channel.calls().iter().filter(|(recipient, _)| recipient == "hangs").count(), 1);
    assert_eq!(world.number("SELECT count(*) FROM delivery.deliveries WHERE state = 'pending'").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_hang_delay_only_themselves() {
    let world = World::new().await;
    let mut channel =
        Scripted::new(LATER, |job| if job.recipient.starts_with("hangs") { never() } else { delivered() });
    Arc::get_mut(&mut channel).unwrap().patience = Some(Duration::from_millis(50));
    let _working = world.carry(channel.clone());
    // As many as are made at a time.
    world.deliver(&[1, 2, 3, 4].map(|number| to(&format!("hangs {number}"), number))).await;
    let hang = "SELECT count(*) = $2 AND $1 = '' FROM delivery.deliveries WHERE lease_until IS NOT NULL";
    world.becomes_true(hang, "", 4).await;
    let new: Vec<_> = (0..100).map(|number| to(&format!("user {number}"), 20 + number)).collect();
    world.deliver(&new).await;
    world.deliveries_are("delivered", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_slow_gets_one_at_a_time_until_it_answers() {
    let world = World::new().await;
    let (hold, held) = tokio::sync::watch::channel(true);
    let mut channel = Scripted::new(LATER, move |_| {
        let mut held = held.clone();
        Box::pin(async move {
            let _ = held.wait_for(|held| !*held).await;
            Attempted::new(Outcome::Delivered)
        })
    });
    let own = Arc::get_mut(&mut channel).unwrap();
    (own.patience, own.settings.per_recipient) = (Some(Duration::from_millis(50)), 4);
    let _working = world.carry(channel.clone());
    world.deliver(&[to("ann", 1)]).await;
    let under_way = "SELECT count(*) = $2 AND $1 = '' FROM delivery.deliveries WHERE lease_until IS NOT NULL";
    world.becomes_true(under_way, "", 1).await;
    // Whoever is served after it shows that it counts as slow by then.
    world.deliver(&[to("ben", 2), to("cat", 3), to("dan", 4)]).await;
    world.becomes_true(under_way, "", 4).await;
    world.deliver(&[to("eve", 5)]).await;
    world.becomes_true(under_way, "", 5).await;
    world.deliver(&[to("ann", 6), to("ann", 7), to("fay", 8)]).await;
    world.becomes_true(under_way, "", 6).await;
    assert_eq!(channel.calls().iter().filter(|(recipient, _)| recipient == "ann").count(), 1);
    hold.send_replace(false);
    world.deliveries_are("delivered", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_until_the_schedule_ends() {
    let world = World::new().await;
    let channel = Scripted::new(AT_ONCE, |job| match &*job.recipient {
        "recovers" if job.attempt < 3 => at_once(Attempted::failed("not now")),
        "recovers" => delivered(),
        "refuses" => at_once(Attempted::rejected("no")),
        _ => at_once(Attempted { code: Some("503".into()), ..Attempted::failed("down") }),
    });
    world.deliver(&[to("recovers", 1), to("is down", 2), to("refuses", 3)]).await;
    let _working = world.carry(channel.clone());
    let ended = "SELECT count(*) = $2 AND $1 = '' FROM delivery.deliveries WHERE end_time IS NOT NULL";
    world.becomes_true(ended, "", 3).await;
    let states =
        "SELECT string_agg(concat_ws(' ', recipient, state, attempts, reason), ', ' ORDER BY position)
        FROM delivery.deliveries";
    let expected = "recovers delivered 3, is down exhausted 3 down, refuses rejected 1 no";
    assert_eq!(world.text(states).await.as_deref(), Some(expected));
    let attempts =
        "SELECT string_agg(concat_ws(' ', number, outcome, code, response_excerpt), ', ' ORDER BY number)
        FROM delivery.attempts JOIN delivery.deliveries ON id = delivery_id WHERE recipient = 'is down'";
    let expected = "1 failed 503 down, 2 failed 503 down, 3 failed 503 down";
    assert_eq!(world.text(attempts).await.as_deref(), Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_pause_gets_it() {
    let world = World::new().await;
    let retry_after = Some(Duration::from_secs(7_200));
    let channel = Scripted::new(AT_ONCE, move |_| at_once(Attempted::new(Outcome::Failed { retry_after })));
    world.deliver(&[to("ann", 1)]).await;
    let _working = world.carry(channel);
    world.deliveries_are("failed", 1).await;
    let pause = "SELECT extract(epoch FROM due_at - clock_timestamp())::bigint FROM delivery.deliveries";
    let pause = world.number(pause).await;
    assert!((6_600..=7_200).contains(&pause), "{pause}");
    let same = "SELECT count(*) FROM delivery.attempts JOIN delivery.deliveries ON id = delivery_id
        WHERE abs(extract(epoch FROM next_at - due_at)) < 1";
    assert_eq!(world.number(same).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_goes_in_order_whatever_fails_and_whoever_works() {
    let world = World::new().await;
    let done: Arc<Mutex<HashMap<String, Vec<i64>>>> = Arc::default();
    let noted = done.clone();
    let channel = Scripted::new(AT_ONCE, move |job| {
        let number = job.payload["number"].as_i64().unwrap();
        if job.attempt == 1 && number % 3 != 0 {
            return at_once(Attempted::failed("not now"));
        }
        let key = job.payload["number"].as_i64().unwrap() % 5;
        noted.lock().unwrap().entry(key.to_string()).or_default().push(number);
        if number % 7 == 0 { at_once(Attempted::rejected("not this one")) } else { delivered() }
    });
    let _working = [world.carry(channel.clone()), world.carry(channel.clone())];
    let new: Vec<_> = (0..100)
        // The order is that of the positions, whatever order they are written in.
        .rev()
        .map(|number| in_order(&(number % 5).to_string(), &format!("user {number}"), number))
        .collect();
    world.deliver(&new).await;
    let ended = "SELECT count(*) = $2 AND $1 = '' FROM delivery.deliveries WHERE end_time IS NOT NULL";
    world.becomes_true(ended, "", 100).await;
    for (key, numbers) in done.lock().unwrap().iter() {
        assert_eq!(numbers.len(), 20);
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_waits_for_its_first_and_others_do_not() {
    let world = World::new().await;
    let channel = Scripted::new(LATER, |job| match job.payload["number"].as_i64() {
        Some(1) if job.attempt == 1 => at_once(Attempted::failed("not now")),
        _ => delivered(),
    });
    let new = [in_order("a", "ann", 1), in_order("a", "bob", 2), in_order("b", "ann", 3), to("bob", 4)];
    world.deliver(&new).await;
    let working = world.carry(channel.clone());
    world.deliveries_are("delivered", 2).await;
    world.deliveries_are("failed", 1).await;
    assert_eq!(world.number("SELECT position FROM delivery.deliveries WHERE state = 'pending'").await, 2);
    working.end().await;
    world.retries_are_due().await;
    let _working = world.carry(channel.clone());
    world.deliveries_are("delivered", 4).await;
    let calls: Vec<_> = channel.calls().into_iter().map(|(_, number)| number).collect();
    assert_eq!(calls[3..], [1, 2], "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_gives_a_recipient_one_delivery_on_a_channel() {
    let world = World::new().await;
    let new = to("ann", 1);
    world.deliver(&[new.clone(), NewDelivery { recipient: "bob".into(), ..new.clone() }]).await;
    world.deliver(&[new]).await;
    assert_eq!(world.number("SELECT count(*) FROM delivery.deliveries").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_noted_and_changes_nothing_that_another_has_done() {
    let world = World::new().await;
    let (answer, answered) = tokio::sync::watch::channel(false);
    let slow = Scripted::new(AT_ONCE, move |job| {
        // Either of the two may be the one who tries it again.
        if job.attempt > 1 {
            return delivered();
        }
        let mut answered = answered.clone();
        Box::pin(async move {
            answered.wait_for(|done| *done).await.unwrap();
            Attempted::rejected("too late to matter")
        })
    });
    let first = world.carry(slow);
    world.deliver(&[to("ann", 1)]).await;
    world.becomes_true("SELECT count(*) = $2 FROM delivery.attempts WHERE outcome = $1", "unknown", 1).await;
    world.leases_of_attempts_run_out().await;
    let _second = world.carry(Scripted::new(AT_ONCE, |_| delivered()));
    world.deliveries_are("delivered", 1).await;
    answer.send_replace(true);
    first.end().await;
    assert_eq!(world.attempts().await, "1 rejected, 2 delivered");
    world.deliveries_are("delivered", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tried_after_all_goes_back_as_it_was() {
    let world = World::new().await;
    let looks = AtomicUsize::new(0);
    let channel =
        Scripted::new(AT_ONCE, move |job| match (looks.fetch_add(1, Ordering::SeqCst), job.attempt) {
            (0 | 1 | 3, _) => at_once(Attempted::new(Outcome::Held { pause: Duration::ZERO })),
            (2, 1) => at_once(Attempted::failed("not now")),
            (_, 2) => delivered(),
            _ => at_once(Attempted::rejected("an attempt was counted that was none")),
        });
    world.deliver(&[to("ann", 1)]).await;
    let _working = world.carry(channel.clone());
    world.deliveries_are("delivered", 1).await;
    assert_eq!((world.attempts().await.as_str(), channel.calls().len()), ("1 failed, 2 delivered", 5));
    assert_eq!(world.number("SELECT (attempts * 10 + step)::bigint FROM delivery.deliveries").await, 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_due_while_it_is_put_back_stays_due() {
    let world = World::new().await;
    let (go_on, told) = tokio::sync::watch::channel(false);
    let channel = Scripted::new(AT_ONCE, move |_| {
        let mut told = told.clone();
        if *told.borrow() {
            return delivered();
        }
        Box::pin(async move {
            told.wait_for(|done| *done).await.unwrap();
            Attempted::new(Outcome::Held { pause: Duration::from_secs(3_600) })
        })
    });
    let _working = world.carry(channel.clone());
    world.deliver(&[to("ann", 1)]).await;
    world.becomes_true("SELECT count(*) = $2 FROM delivery.attempts WHERE outcome = $1", "unknown", 1).await;
    world.run("UPDATE delivery.deliveries SET due_at = clock_timestamp(), step = 0").await;
    go_on.send_replace(true);
    world.deliveries_are("delivered", 1).await;
    assert_eq!(world.number("SELECT (attempts * 10 + step)::bigint FROM delivery.deliveries").await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_have_a_delivery_tried_again_or_skipped() {
    let world = World::new().await;
    let (asked, _stop) = carry_out(&world);
    let channel = Scripted::new(Schedule(&[]), |job| match job.attempt {
        1 => at_once(Attempted::failed("down")),
        _ => delivered(),
    });
    world.deliver(&[in_order("a", "ann", 1), to("bob", 2)]).await;
    let _working = world.carry(channel.clone());
    world.deliveries_are("exhausted", 2).await;
    let id = async |recipient: &str| {
        let sql = format!("SELECT id::text FROM delivery.deliveries WHERE recipient = '{recipient}'");
        format!("deliveries/{}", world.text(&sql).await.unwrap())
    };
    let (ann, bob) = (id("ann").await, id("bob").await);
    let steer = async |kind, subject: &str| {
        let operation = ask(&world, kind, subject).await;
        outcome(&world, operation).await
    };
    let (retry, skip) = (OperationKind::RetryDeliveries, OperationKind::SkipDeliveries);
    assert_eq!(steer(retry, &ann).await, format!("retry_deliveries {ann} done f"));
    world.deliveries_are("delivered", 1).await;
    let attempts = "SELECT string_agg(trigger || ' ' || outcome, ', ' ORDER BY number)
        FROM delivery.attempts JOIN delivery.deliveries ON id = delivery_id WHERE recipient = 'ann'";
    assert_eq!(world.text(attempts).await.as_deref(), Some("scheduled failed, manual delivered"));
    assert_eq!(steer(skip, &bob).await, format!("skip_deliveries {bob} done f"));
    world.deliveries_are("skipped", 1).await;
    assert_eq!(steer(retry, &ann).await, format!("retry_deliveries {ann} failed f ENDED"));
    assert_eq!(steer(skip, &bob).await, format!("skip_deliveries {bob} failed f ENDED"));
    let nobody = format!("deliveries/{}", Uuid::now_v7());
    assert_eq!(steer(retry, &nobody).await, format!("retry_deliveries {nobody} failed f NOT_FOUND"));
    asked.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_steer_many_deliveries_at_once() {
    let world = World::new().await;
    let (asked, _stop) = carry_out(&world);
    let channel = Scripted::new(Schedule(&[]), |job| match job.attempt {
        1 => at_once(Attempted::failed("down")),
        _ => delivered(),
    });
    let all: Vec<_> = (1..=1_100).map(|number| to(&format!("user{number}"), number)).collect();
    world.deliver(&all).await;
    let _working = world.carry(channel.clone());
    world.deliveries_are("exhausted", 1_100).await;
    let steer = async |kind, state, reason| {
        let meant = DeliverySelection { state: Some(state), ..DeliverySelection::default() };
        let wish = Requested { deliveries: Some(meant), reason, ..Requested::new(kind, "deliveries".into()) };
        let operation = ask_for(&world, wish).await;
        let outcome = outcome(&world, operation).await;
        let count = format!(
            "SELECT (response ->> 'deliveries')::bigint FROM read_model.operations WHERE id = '{operation}'"
        );
        (outcome, world.number(&count).await)
    };
    let gone = "UPDATE delivery.deliveries SET state = 'rejected' WHERE position > 1090";
    world.run(gone).await;
    let reason = Some(Reason::parse("the house burnt down").unwrap());
    let skipped = steer(OperationKind::SkipDeliveries, DeliveryState::Rejected, reason).await;
    assert_eq!(skipped, ("skip_deliveries deliveries done f".into(), 10));
    let why = "SELECT count(*) FROM delivery.deliveries WHERE state = 'skipped' AND reason = 'the house burnt down'";
    assert_eq!(world.number(why).await, 10);
    let retried = steer(OperationKind::RetryDeliveries, DeliveryState::Exhausted, None).await;
    assert_eq!(retried, ("retry_deliveries deliveries done f".into(), 1_090));
    world.deliveries_are("delivered", 1_090).await;
    asked.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_attempts_are_forgotten_when_all_is_over() {
    let world = World::new().await;
    let channel = Scripted::new(LATER, |job| match &*job.recipient {
        "ann" | "bob" => delivered(),
        _ => at_once(Attempted::failed("not now")),
    });
    world.deliver(&[to("ann", 1), to("bob", 2), to("eve", 3)]).await;
    let working = world.carry(channel);
    world.deliveries_are("delivered", 2).await;
    world.deliveries_are("failed", 1).await;
    working.end().await;
    let old = "UPDATE delivery.attempts SET started_at = clock_timestamp() - interval '31 days' FROM delivery.deliveries
        WHERE id = delivery_id AND recipient <> 'bob'";
    world.run(old).await;
    let stop = CancellationToken::new();
    let forgetting = tokio::spawn(forget(world.delivery(), stop.clone()));
    let left = "SELECT count(*) = $2 AND $1 = '' FROM delivery.attempts";
    world.becomes_true(left, "", 2).await;
    stop.cancel();
    forgetting.await.unwrap();
    let whose = "SELECT string_agg(recipient, ' ' ORDER BY recipient) FROM delivery.attempts
        JOIN delivery.deliveries ON id = delivery_id";
    assert_eq!(world.text(whose).await.as_deref(), Some("bob eve"));
}
