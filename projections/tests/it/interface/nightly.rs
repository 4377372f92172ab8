//! Nightly runs: what waits is told again, in order, once in a run, however often it dies.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    event::Nothing,
    policy::Role,
    user::{RoleEntry, UserEvent},
};
use projections::schedules::{
    Job, Turn,
    interface_night::{InterfaceNight, Pace},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    core::{Core, Mood},
    everything,
};
use crate::{
    schedules::TestClock,
    world::{DEADLINE, World},
};

const NIGHT: &str = "2026-11-21T18:00:00Z";
const NEXT: &str = "2026-11-22T18:00:00Z";
const PACE: Pace = Pace { batch: 5, least: 20, patience: DEADLINE, look: Duration::from_millis(20) };

impl World {
    /// The run of the night.
    fn night(&self, core: &Core, pace: Pace) -> impl Future<Output = Value> + Send + 'static {
        self.night_of(NIGHT, core, pace)
    }

    fn night_of(&self, due: &str, core: &Core, pace: Pace) -> impl Future<Output = Value> + Send + use<> {
        let (cron, delivery, log) = ("0 3 * * *".parse().unwrap(), self.delivery(), self.log.clone());
        let interface = core.client(DEADLINE);
        let job = InterfaceNight { cron, delivery, log, interface, pace };
        let due: DateTime<Utc> = due.parse().unwrap();
        let turn = Turn { due, clock: Arc::new(TestClock::at(NIGHT)) };
        async move { job.run(&turn).await.unwrap() }
    }

    /// So many tasks with two changes each, of which the first has failed as often as it is tried by day.
    async fn evening(&self, tasks: i64) -> Vec<Uuid> {
        let ids: Vec<_> = (0..tasks).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            self.changes(*id, 0, 2).await;
        }
        let deciding = self.decide(everything());
        self.deliveries_are("pending", tasks * 2).await;
        deciding.end().await;
        self.run(
            "UPDATE delivery.deliveries SET state = 'failed', attempts = 4, step = 4, due_at = 'infinity'
                WHERE payload ->> 'version' = '1';
            INSERT INTO delivery.attempts (delivery_id, number, outcome)
                SELECT id, 4, 'failed' FROM delivery.deliveries WHERE state = 'failed'",
        )
        .await;
        ids
    }

    /// A user with these roles, as mails and the read model know them.
    async fn somebody(&self, name: &str, locale: &str, roles: &[Role]) -> i64 {
        let user = Uuid::now_v7();
        let registered = self.registered_at(user, &format!("{name}@example.com"), name, locale).await;
        let granted = roles.iter().map(|role| UserEvent::RoleGranted(RoleEntry { role: *role }));
        let events: Vec<_> =
            [registered, UserEvent::Verified(Nothing {})].into_iter().chain(granted).collect();
        self.happens(user, 0, &events).await
    }
}

/// The numbers of a report.
fn numbers(report: &Value) -> [i64; 5] {
    ["tried", "delivered", "rejected", "failed", "waiting"].map(|name| report[name].as_i64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_told_again_and_reported() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    world.somebody("ann", "en", &[Role::Member]).await;
    world.somebody("ops", "en", &[Role::Operator]).await;
    let position = world.somebody("kim", "ko-KR", &[Role::Member, Role::Admin]).await;
    let _projecting = world.start_some(&["users"]);
    world.reached("users", position).await;
    let tasks = world.evening(12).await;
    let (refused, ill) = (tasks[3], tasks[7]);
    core.is(move |told| match told.version {
        1 if told.task == refused => Mood::Never,
        1 if told.task == ill => Mood::Later,
        _ => Mood::Takes,
    });
    let _sending = world.react(Duration::from_secs(2)).and(world.email(&[])).and(world.tell_core(&core));
    let known = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
    // Whoever is written to is known to be active.
    for reactor in ["account_mails", "notices"] {
        world.becomes_true(known, reactor, position).await;
    }
    let report = world.night(&core, PACE).await;
    assert_eq!(numbers(&report), [12, 10, 1, 1, 1], "{report}");
    // All but what was refused, what failed, and what waits behind that.
    let told = "SELECT count(*) = $2 FROM delivery.deliveries WHERE channel = $1 AND state = 'delivered'";
    world.becomes_true(told, "interface", 21).await;
    for task in tasks.iter().filter(|task| **task != refused && **task != ill) {
        assert_eq!(core.versions(*task), [1, 2]);
    }
    assert_eq!((core.versions(refused), core.versions(ill)), (vec![2], vec![]));
    assert_eq!(core.told().iter().filter(|told| told.task == ill).count(), 1, "once in a night");
    let failures = report["failures"].as_array().unwrap().iter();
    let words: Vec<_> = failures.map(|one| format!("{}: {}", one["code"], one["reason"])).collect();
    let refusal = format!(r#""NO_CUSTOMER": "no such customer {refused}""#);
    assert_eq!(words, [refusal.as_str(), r#""DAY_CLOSED": "later""#]);

    // The same turn is the same run, and nobody is written to twice.
    assert_eq!(world.night(&core, PACE).await, report);
    let sent = "SELECT count(*) = $2 AND $1 = '' FROM delivery.mails";
    world.becomes_true(sent, "", 2).await;
    let mails = "SELECT string_agg(address || ': ' || subject, ', ' ORDER BY address) FROM delivery.mails";
    let expected =
        "kim@example.com: 코어 시스템 야간 전송 결과, ops@example.com: The night's run of the core system";
    assert_eq!(world.text(mails).await.as_deref(), Some(expected));
    let english = "SELECT text FROM delivery.mails WHERE address = 'ops@example.com'";
    let english = world.text(english).await.unwrap();
    assert!(
        english.contains(
            "12 changes of tasks were told to the core system again: 10 were taken, 1 were refused"
        )
    );
    assert!(english.contains(&format!("rejected: NO_CUSTOMER no such customer {refused}")), "{english}");
    assert_eq!(world.number("SELECT count(*) FROM delivery.interface_runs WHERE outcome = 'done'").await, 1);
    assert_eq!(report["checksum"]["outcome"], "not_offered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_goes_on_as_the_same_run() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let _projecting = world.start_some(&["users"]);
    world.reached("users", 0).await;
    world.evening(12).await;
    for made_due in [5, 5] {
        let dying = tokio::spawn(world.night(&core, PACE));
        let due = "SELECT count(*) = $2 AND $1 = '' FROM delivery.interface_run_deliveries";
        world.becomes_true(due, "", made_due).await;
        dying.abort();
        let _ = dying.await;
    }
    let _sending = world.tell_core(&core);
    let report = world.night(&core, PACE).await;
    assert_eq!(numbers(&report), [12, 12, 0, 0, 0]);
    world.all_delivered(24).await;
    assert_eq!(core.told().len(), 24);
    assert_eq!(world.number("SELECT count(*) FROM delivery.interface_runs").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM delivery.interface_run_deliveries").await, 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_when_most_of_it_fails() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Later).await);
    let _projecting = world.start_some(&["users"]);
    world.reached("users", 0).await;
    world.evening(60).await;
    let _sending = world.tell_core(&core);
    let report = world.night(&core, PACE).await;
    assert_eq!(report["outcome"], "failing");
    assert_eq!(numbers(&report), [20, 0, 0, 20, 60]);
    assert_eq!(report["failures"].as_array().unwrap().len(), 20);
    assert_eq!(core.told().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_when_nothing_comes_back() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let _projecting = world.start_some(&["users"]);
    world.reached("users", 0).await;
    world.evening(7).await;
    let report = world.night(&core, Pace { patience: Duration::from_millis(200), ..PACE }).await;
    assert_eq!(report["outcome"], "silent");
    assert_eq!(numbers(&report), [0, 0, 0, 0, 7]);
    let waiting = "SELECT count(*) FROM delivery.deliveries WHERE due_at = 'infinity'";
    assert_eq!(world.number(waiting).await, 7, "what was not tried waits for the next night");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_system_that_knows_tasks_otherwise_is_found_out() {
    let (world, core) = (World::new().await, Core::start(|_| Mood::Takes).await);
    let _projecting = world.start_some(&["users"]);
    let position = world.somebody("ops", "ko", &[Role::Operator]).await;
    world.reached("users", position).await;
    let deciding = world.decide(everything()).and(world.react(Duration::from_secs(2)));
    let known = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
    world.becomes_true(known, "account_mails", position).await;
    let telling = world.tell_core(&core);
    let tasks: Vec<_> = (0..40).map(|_| Uuid::now_v7()).collect();
    for task in &tasks {
        world.changes(*task, 0, 2).await;
    }
    world.all_delivered(80).await;
    let mut known: BTreeMap<_, _> = tasks.iter().map(|task| (*task, 2)).collect();
    core.knows(known.clone());
    let checksum = world.night(&core, PACE).await["checksum"].take();
    let expected = json!({"outcome": "compared", "reason": null, "tasks": 40, "buckets": 0, "differences": 0, "named": []});
    assert_eq!(checksum, expected);
    telling.end().await;

    // What was on its way is no difference, even if it arrived; anything else is.
    world.changes(tasks[0], 2, 1).await;
    world.deliveries_are("pending", 1).await;
    deciding.end().await;
    let stranger = Uuid::now_v7();
    known.extend([(tasks[0], 3), (tasks[1], 1), (tasks[2], 3), (stranger, 1)]);
    known.remove(&tasks[3]);
    core.knows(known);
    let checksum = world.night_of(NEXT, &core, PACE).await["checksum"].take();
    assert_eq!((&checksum["tasks"], &checksum["differences"]), (&json!(40), &json!(4)), "{checksum}");
    let named: BTreeMap<_, _> = checksum["named"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let task: Uuid = one["task"].as_str().unwrap().parse().unwrap();
            (task, (one["expected"].as_i64(), one["found"].as_i64()))
        })
        .collect();
    let expected = [
        (tasks[1], (Some(2), Some(1))),
        (tasks[2], (Some(2), Some(3))),
        (tasks[3], (Some(2), None)),
        (stranger, (None, Some(1))),
    ];
    assert_eq!(named, BTreeMap::from(expected));
    let mails = "SELECT count(*) FROM delivery.deliveries WHERE channel = 'email'";
    assert_eq!(world.number(mails).await, 1, "there is something to write about");
}
