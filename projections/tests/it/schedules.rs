//! Schedules, over a clock that a test moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::time::TimeZone;
use futures_util::future::BoxFuture;
use projections::schedules::{self, Calendar, Clock, Cron, Job, JobError, Turn};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Nothing in these tests takes this long; it only bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<watch::Sender<DateTime<Utc>>>);

impl TestClock {
    pub(crate) fn at(time: &str) -> Self {
        Self(Arc::new(watch::Sender::new(time.parse().unwrap())))
    }

    pub(crate) fn moves(&self, by: TimeDelta) {
        self.0.send_modify(|now| *now += by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    fn passes(&self) -> BoxFuture<'_, ()> {
        let mut moved = self.0.subscribe();
        // Leases run out by the database's clock: it is looked at even while this one stands still.
        Box::pin(async move { drop(time::timeout(Duration::from_millis(20), moved.changed()).await) })
    }
}

type Script = dyn Fn(usize) -> BoxFuture<'static, Result<Value, JobError>> + Send + Sync;

/// Notes its turns and does as its script says, which knows how often it was run before.
struct Noting {
    cron: Cron,
    turns: watch::Sender<Vec<String>>,
    runs: AtomicUsize,
    script: Box<Script>,
}

impl Noting {
    fn new(
        cron: &str,
        script: impl Fn(usize) -> BoxFuture<'static, Result<Value, JobError>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (turns, runs) = (watch::Sender::default(), AtomicUsize::new(0));
        Arc::new(Self { cron: cron.parse().unwrap(), turns, runs, script: Box::new(script) })
    }

    fn done(cron: &str) -> Arc<Self> {
        Self::new(cron, |run| Box::pin(async move { Ok(json!({ "run": run })) }))
    }

    fn turns(&self) -> Vec<String> {
        self.turns.borrow().clone()
    }

    /// Waits until it has been run so often.
    async fn was_run(&self, times: usize) {
        let mut turns = self.turns.subscribe();
        let run = turns.wait_for(|turns| turns.len() >= times);
        let _turns = time::timeout(PATIENCE, run).await.expect("its turn comes").unwrap();
    }
}

impl Job for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }

    fn cron(&self) -> &Cron {
        &self.cron
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<Value, JobError>> {
        self.turns.send_modify(|turns| turns.push(turn.due.format("%d %H:%M").to_string()));
        (self.script)(self.runs.fetch_add(1, Ordering::SeqCst))
    }
}

/// A process that keeps a schedule; dropping it is a crash.
struct Keeping {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Keeping {
    async fn crash(mut self) {
        self.task.abort();
        // Awaited, so that its connections are gone.
        let _ = (&mut self.task).await;
    }

    async fn end(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl World {
    pub(crate) fn calendar(&self, clock: &TestClock, zone: &str) -> Calendar {
        let zone = TimeZone::parse(zone).unwrap();
        let lease = Duration::from_secs(600);
        Calendar { delivery: self.delivery(), clock: Arc::new(clock.clone()), zone, lease }
    }

    fn keep(&self, job: &Arc<Noting>, clock: &TestClock) -> Keeping {
        let stop = CancellationToken::new();
        let running = schedules::run(job.clone(), self.calendar(clock, "Asia/Seoul"), stop.clone());
        Keeping { task: tokio::spawn(running), stop }
    }

    /// Waits until the next turn is then, in UTC.
    async fn next_is(&self, time: &str) {
        let sql = "SELECT to_char(next_time AT TIME ZONE 'UTC', 'DD HH24:MI') = $1 AND $2 = 0 FROM delivery.schedules
            WHERE lease_owner IS NULL";
        self.becomes_true(sql, time, 0).await;
    }

    async fn last(&self) -> Option<String> {
        let sql = "SELECT concat_ws(' ', to_char(last_turn AT TIME ZONE 'UTC', 'DD HH24:MI'), last_outcome, last_error,
            last_report) FROM delivery.schedules";
        self.text(sql).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_turn_is_run_once_by_one_of_all_processes() {
    let (world, clock) = (World::new().await, TestClock::at("2026-11-21T10:00:00Z"));
    let job = Noting::done("0 3 * * *");
    let _keeping = [world.keep(&job, &clock), world.keep(&job, &clock), world.keep(&job, &clock)];
    world.next_is("21 18:00").await;
    assert!(job.turns().is_empty());
    for (next, turns) in [("22 18:00", 1), ("23 18:00", 2), ("24 18:00", 3)] {
        clock.moves(TimeDelta::days(1));
        world.next_is(next).await;
        assert_eq!(job.turns().len(), turns);
    }
    assert_eq!(job.turns(), ["21 18:00", "22 18:00", "23 18:00"]);
    assert_eq!(world.last().await.as_deref(), Some("23 18:00 done {\"run\": 2}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_that_were_missed_are_made_up_for_once() {
    let (world, clock) = (World::new().await, TestClock::at("2026-11-21T10:00:00Z"));
    let job = Noting::done("0 3 * * *");
    let keeping = world.keep(&job, &clock);
    world.next_is("21 18:00").await;
    keeping.end().await;
    clock.moves(TimeDelta::days(5));
    // Other settings do not make a missed turn forgotten.
    let job = Noting::done("30 4 * * *");
    let _keeping = world.keep(&job, &clock);
    world.next_is("26 19:30").await;
    assert_eq!(job.turns(), ["21 18:00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_over_when_its_job_has_ended() {
    let (world, clock) = (World::new().await, TestClock::at("2026-11-21T10:00:00Z"));
    let hanging = Noting::new("0 3 * * *", |_| Box::pin(std::future::pending()));
    let dying = world.keep(&hanging, &clock);
    world.next_is("21 18:00").await;
    clock.moves(TimeDelta::days(1));
    let begun = "SELECT count(*) = $2 FROM delivery.schedules WHERE last_outcome = $1";
    world.becomes_true(begun, "unknown", 1).await;
    hanging.was_run(1).await;
    dying.crash().await;
    let ending = world.keep(&hanging, &clock);
    world.run("UPDATE delivery.schedules SET lease_until = '-infinity'").await;
    hanging.was_run(2).await;
    // Who ends in order lets others go on at once.
    ending.end().await;
    let job = Noting::done("0 3 * * *");
    let _keeping = world.keep(&job, &clock);
    world.next_is("22 18:00").await;
    assert_eq!((hanging.turns(), job.turns()), (vec!["21 18:00".into(); 2], vec!["21 18:00".into()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_after_a_pause() {
    let (world, clock) = (World::new().await, TestClock::at("2026-11-21T17:59:00Z"));
    let job = Noting::new("0 3 * * *", |run| match run {
        0 => Box::pin(async { Err(JobError::Tables(sqlx::Error::PoolTimedOut)) }),
        run => Box::pin(async move { Ok(json!({ "run": run })) }),
    });
    let _keeping = world.keep(&job, &clock);
    world.next_is("21 18:00").await;
    clock.moves(TimeDelta::minutes(1));
    let failed =
        "SELECT count(*) = $2 FROM delivery.schedules WHERE last_outcome = $1 AND lease_owner IS NULL
        AND last_error IS NOT NULL";
    world.becomes_true(failed, "failed", 1).await;
    clock.moves(TimeDelta::seconds(59));
    tokio::task::yield_now().await;
    assert_eq!(job.turns().len(), 1);
    clock.moves(TimeDelta::seconds(1));
    world.next_is("22 18:00").await;
    assert_eq!(world.last().await.as_deref(), Some("21 18:00 done {\"run\": 1}"));
}
