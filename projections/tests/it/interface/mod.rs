//! The core system hears of every change, in order, whatever it answers and whatever dies.

mod core;
mod nightly;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    delivery::{DeliveryChannel, DeliverySelection},
    event::{Change, EventPattern},
    filter::{Filter, FilterOver},
    operation::{OperationKind, Requested},
    task::{
        TaskEvent,
        values::{Priority, Reason},
    },
    time::Timestamp,
};
use projections::{
    channels::interface::{self, CoreSystem, Fields, Interface},
    reactors::{
        Begins,
        interface::{Choice, ToldToCore},
    },
};
use serde_json::Value;
use service::metrics::Metrics;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::core::{Core, Mood};
use crate::{
    operations::{ask_for, carry_out, outcome},
    sending::Sending,
    world::{DEADLINE, World, task_event},
};

fn chosen(begins: Begins) -> Choice {
    Choice { events: vec![EventPattern::parse("task.*").unwrap()], filter: None, begins }
}

fn everything() -> Choice {
    chosen(Begins::WithTheLog)
}

fn priority(from: Priority, to: Priority) -> TaskEvent {
    TaskEvent::PriorityChanged(Change { from, to })
}

impl World {
    fn decide(&self, choice: Choice) -> Sending {
        self.react_with(vec![Arc::new(ToldToCore::new(choice, self.log.clone()))], Duration::from_secs(2))
    }

    fn tell_with(&self, interface: Arc<Interface>, coalesce: bool) -> Sending {
        let channel = CoreSystem::new(interface, self.log.clone(), Fields::default(), coalesce);
        self.carry(Arc::new(channel))
    }

    fn tell_core(&self, core: &Core) -> Sending {
        self.tell_with(core.client(DEADLINE), false)
    }

    fn watch(&self, interface: &Arc<Interface>, metrics: &Metrics) -> Sending {
        let stop = CancellationToken::new();
        let watching = interface::watch(interface.clone(), self.delivery(), metrics.clone(), stop.clone());
        Sending::one(watching, stop)
    }

    /// Waits until the row says so, and says all of it.
    async fn breaker(&self, state: &str) -> String {
        let sql = "SELECT count(*) = $2 FROM delivery.interface_breakers WHERE state = $1";
        self.becomes_true(sql, state, 1).await;
        let row = "SELECT concat_ws(' ', state, failures, until > now() - interval '1 hour') FROM delivery.interface_breakers";
        self.text(row).await.unwrap()
    }

    /// So many changes of a task, after those that there were.
    async fn changes(&self, task: Uuid, before: i64, count: i64) -> i64 {
        let at: Timestamp = DateTime::from_timestamp(1_700_000_000, 0).unwrap().into();
        let events = (0..count).map(|_| task_event(&priority(Priority::Low, Priority::High), at)).collect();
        self.append("task", task, before, events).await
    }

    /// Waits until everything up to this position is decided on.
    async fn decided_for_core(&self, position: i64) {
        let sql = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "interface", position).await;
    }

    async fn all_delivered(&self, count: i64) {
        self.deliveries_are("delivered", count).await;
    }

    /// Time passes for what is tried again by the schedule, not for what waits.
    async fn pauses_pass(&self) {
        let sql =
            "UPDATE delivery.deliveries SET due_at = '-infinity' WHERE state = 'failed' AND isfinite(due_at);
            NOTIFY taskledger_deliveries";
        self.run(sql).await;
    }

    /// Until so many wait for the night.
    async fn waiting_are(&self, count: i64) {
        let waiting =
            "SELECT count(*) FROM delivery.deliveries WHERE state = 'failed' AND due_at = 'infinity'
            AND lease_until IS NULL";
        while self.number(waiting).await != count {
            self.pauses_pass().await;
            tokio::task::yield_now().await;
        }
    }

    async fn states(&self) -> String {
        let sql =
            "SELECT string_agg(position || ' ' || state, ', ' ORDER BY position) FROM delivery.deliveries
            WHERE channel = 'interface'";
        self.text(sql).await.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_as_it_was_published_and_in_order() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let tasks: Vec<_> = (0..4).map(|_| Uuid::now_v7()).collect();
    let _sending = world.decide(everything()).and(world.tell_core(&core)).and(world.tell_core(&core));
    for round in 0..5 {
        for task in &tasks {
            world.changes(*task, round * 3, 3).await;
        }
    }
    world.all_delivered(60).await;
    for task in &tasks {
        assert_eq!(core.versions(*task), (1..=15).collect::<Vec<_>>());
    }
    for told in core.told() {
        let event = world.log.read_aggregate_at("task", told.task, &[told.version]).await.unwrap().remove(0);
        assert_eq!((told.key, told.body), (event.id.0, event_store::envelope::encode(&event).unwrap()));
    }
    assert_eq!(core.told().len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_system_hears_from_now_on_or_from_the_beginning() {
    for (begins, versions) in [(Begins::Now, vec![3, 4]), (Begins::WithTheLog, vec![1, 2, 3, 4])] {
        let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
        let task = Uuid::now_v7();
        world.changes(task, 0, 2).await;
        let sending = world.decide(chosen(begins));
        world.decided_for_core(2).await;
        sending.end().await;
        // What happens while nobody decides is not lost, wherever it began.
        world.changes(task, 2, 2).await;
        let _sending = world.decide(chosen(begins)).and(world.tell_core(&core));
        world.all_delivered(versions.len() as i64).await;
        assert_eq!(core.versions(task), versions);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_can_be_chosen() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let (task, at) = (Uuid::now_v7(), Timestamp::from(Utc::now()));
    let events = [
        TaskEvent::Undeleted(domain::event::Nothing {}),
        priority(Priority::Normal, Priority::Urgent),
        priority(Priority::Urgent, Priority::Low),
        priority(Priority::Low, Priority::High),
    ];
    let position =
        world.append("task", task, 0, events.iter().map(|event| task_event(event, at)).collect()).await;
    let user = world.append(
        "user",
        Uuid::now_v7(),
        0,
        vec![crate::world::stored("user.verified", "1", "{}".into(), at)],
    );
    user.await;
    let choice = Choice {
        events: vec![
            EventPattern::parse("task.priority_changed").unwrap(),
            EventPattern::parse("task.assigned").unwrap(),
        ],
        filter: Some(Filter::parse("priority >= high", FilterOver::Events).unwrap()),
        begins: Begins::WithTheLog,
    };
    let channel = CoreSystem::new(core.client(DEADLINE), world.log.clone(), "to".parse().unwrap(), false);
    let _sending = world.decide(choice).and(world.carry(Arc::new(channel)));
    world.decided_for_core(position).await;
    world.all_delivered(2).await;
    assert_eq!(core.versions(task), [2, 4], "judged as it was after each of them");
    let body: Value = serde_json::from_slice(&core.told()[0].body).unwrap();
    assert_eq!(body["data"], serde_json::json!({"to": "urgent"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_holds_up_its_task_and_no_other_one() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let (ill, refused, well) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    core.is(move |told| match told.version {
        1 if told.task == ill => Mood::Later,
        1 if told.task == refused => Mood::Never,
        _ => Mood::Takes,
    });
    for task in [ill, refused, well] {
        world.changes(task, 0, 3).await;
    }
    let _sending = world.decide(everything()).and(world.tell_core(&core));
    world.all_delivered(5).await;
    world.waiting_are(1).await;
    let expected = "1 failed, 2 pending, 3 pending, 4 rejected, 5 delivered, 6 delivered, 7 delivered, 8 delivered, \
        9 delivered";
    assert_eq!(world.states().await, expected);
    assert_eq!((core.versions(refused), core.versions(ill)), (vec![2, 3], vec![]));
    let attempts =
        "SELECT string_agg(concat_ws(' ', outcome, code), ', ' ORDER BY number) FROM delivery.attempts
        JOIN delivery.deliveries ON id = delivery_id WHERE position = 1";
    let thrice_again = "failed DAY_CLOSED, failed DAY_CLOSED, failed DAY_CLOSED, failed DAY_CLOSED";
    assert_eq!(world.text(attempts).await.as_deref(), Some(thrice_again));

    // Operators have what waits told again, or give it up.
    let (asked, _stop) = carry_out(&world);
    core.is(|_| Mood::Takes);
    let meant =
        DeliverySelection { channel: Some(DeliveryChannel::Interface), ..DeliverySelection::default() };
    let retry = Requested {
        deliveries: Some(DeliverySelection { state: Some(domain::delivery::DeliveryState::Failed), ..meant }),
        ..Requested::new(OperationKind::RetryDeliveries, "deliveries".into())
    };
    let operation = ask_for(&world, retry).await;
    assert_eq!(outcome(&world, operation).await, "retry_deliveries deliveries done f");
    world.all_delivered(8).await;
    assert_eq!(core.versions(ill), [1, 2, 3]);
    core.is(|_| Mood::Later);
    world.changes(ill, 3, 2).await;
    world.waiting_are(1).await;
    core.is(|_| Mood::Takes);
    let first = "SELECT id::text FROM delivery.deliveries WHERE state = 'failed'";
    let subject = format!("deliveries/{}", world.text(first).await.unwrap());
    let reason = Some(Reason::parse("told by hand").unwrap());
    let skip = Requested { reason, ..Requested::new(OperationKind::SkipDeliveries, subject) };
    let operation = ask_for(&world, skip).await;
    outcome(&world, operation).await;
    world.all_delivered(9).await;
    assert_eq!(core.versions(ill), [1, 2, 3, 5]);
    asked.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_change_takes_the_place_of_those_that_wait_if_that_is_wished() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Later).await);
    let task = Uuid::now_v7();
    world.changes(task, 0, 1).await;
    let _sending = world.decide(everything()).and(world.tell_with(core.client(DEADLINE), true));
    world.waiting_are(1).await;
    core.is(|_| Mood::Takes);
    world.changes(task, 1, 3).await;
    world.all_delivered(1).await;
    assert_eq!(world.states().await, "1 superseded, 2 superseded, 3 superseded, 4 delivered");
    assert_eq!(core.versions(task), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_after_a_newer_change_has_come_gives_way_to_it() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Drips).await);
    let task = Uuid::now_v7();
    world.changes(task, 0, 1).await;
    let _sending = world.decide(everything()).and(world.tell_with(core.client(Duration::from_secs(5)), true));
    while core.told().is_empty() {
        tokio::task::yield_now().await;
    }
    core.is(|_| Mood::Takes);
    world.changes(task, 1, 1).await;
    world.all_delivered(1).await;
    assert_eq!(world.states().await, "1 superseded, 2 delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_system_in_trouble_is_left_alone_and_nothing_is_used_up() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Down).await);
    for _ in 0..40 {
        world.changes(Uuid::now_v7(), 0, 1).await;
    }
    let _sending = world.decide(everything()).and(world.tell_core(&core));
    // Five in a row open the breaker; three more may have been on their way.
    let counted =
        "SELECT count(*) >= 5 AND $1 = '' AND $2 = 0 FROM delivery.attempts WHERE outcome = 'failed'";
    world.becomes_true(counted, "", 0).await;
    let quiet = "SELECT count(lease_until) = 0 AND $1 = '' AND $2 = 0 FROM delivery.deliveries";
    world.becomes_true(quiet, "", 0).await;
    core.is(|_| Mood::Takes);
    let calls = core.told().len() as i64;
    assert!((5..=8).contains(&calls), "{calls}");
    // Whom the breaker holds back was claimed for a moment, which is given back.
    let used = "SELECT sum(attempts) = $2 AND (SELECT count(*) FROM delivery.attempts) = $2 AND $1 = ''
        FROM delivery.deliveries";
    world.becomes_true(used, "", calls).await;
    assert_eq!(core.told().len() as i64, calls);
    world.pauses_pass().await;
    world.all_delivered(40).await;
    assert_eq!(core.taken().len(), 40);
    assert_eq!(world.number("SELECT count(*) FROM delivery.attempts WHERE outcome = 'unknown'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_core_system_is_called_can_be_seen() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let (metrics, interface) = (Metrics::default(), core.client(DEADLINE));
    let _watching = world.watch(&interface, &metrics);
    assert_eq!(world.breaker("closed").await, "closed 0");
    core.is(|_| Mood::Down);
    for _ in 0..10 {
        world.changes(Uuid::now_v7(), 0, 1).await;
    }
    let _sending = world.decide(everything()).and(world.tell_with(interface, false));
    assert_eq!(world.breaker("open").await, "open 0 t");
    core.is(|_| Mood::Takes);
    world.all_delivered(10).await;
    assert_eq!(world.breaker("closed").await, "closed 0");
    assert!(metrics.encode().contains("taskledger_interface_breaker_open 0"), "{}", metrics.encode());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_drips_or_lies_is_asked_again() {
    let moods = [Mood::TakesAndHangs, Mood::Drips, Mood::Lies, Mood::Takes];
    let (world, core) = (World::new().await, Core::start(move |told| moods[told.call - 1]).await);
    let task = Uuid::now_v7();
    world.changes(task, 0, 1).await;
    let _sending =
        world.decide(everything()).and(world.tell_with(core.client(Duration::from_secs(5)), false));
    for failed in 1..=3 {
        let sql = "SELECT attempts = $2 AND lease_until IS NULL FROM delivery.deliveries WHERE state = $1";
        world.becomes_true(sql, "failed", failed).await;
        world.pauses_pass().await;
    }
    world.all_delivered(1).await;
    let codes = "SELECT string_agg(code, ' ' ORDER BY number) FROM delivery.attempts";
    assert_eq!(world.text(codes).await.as_deref(), Some("timeout timeout not_as_agreed OK"));
    assert_eq!(core.versions(task), [1], "it was taken at the first call, and no second time");

    core.is(|told| if told.call == 1 { Mood::Breaks } else { Mood::Takes });
    world.changes(task, 1, 1).await;
    world.deliveries_are("failed", 1).await;
    world.pauses_pass().await;
    world.all_delivered(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_between_call_and_record_is_told_again_and_taken_once() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::TakesAndHangs).await);
    let task = Uuid::now_v7();
    world.changes(task, 0, 2).await;
    let dying = world.decide(everything()).and(world.tell_core(&core));
    while core.taken().is_empty() {
        tokio::task::yield_now().await;
    }
    dying.crash().await;
    assert_eq!(world.attempts().await, "1 unknown");
    core.is(|_| Mood::Takes);
    let _sending = world.decide(everything()).and(world.tell_core(&core));
    world.leases_of_attempts_run_out().await;
    world.all_delivered(2).await;
    assert_eq!(core.versions(task), [1, 2]);
    let told = core.told();
    assert_eq!(told.len(), 3);
    assert_eq!((told[0].key, &told[0].body), (told[1].key, &told[1].body), "the same key and the same bytes");
}
