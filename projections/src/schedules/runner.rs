//! What keeps a schedule going: its turn awaited, taken by one process, and over when the job has ended.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::time::TimeZone;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Clock, Job, Turn,
    store::{Claim, Outcome},
};
use crate::delivery::Delivery;

/// How long the lease lasts, unless a test is in a hurry.
pub const LEASE: Duration = Duration::from_secs(30);
/// What has failed is tried again after so long.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Pause after the database has not answered.
const PAUSE: Duration = Duration::from_secs(2);

/// What schedules go by.
#[derive(Clone)]
pub struct Calendar {
    /// Where their rows are.
    pub delivery: Delivery,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where it is that time.
    pub zone: TimeZone,
    /// How long the lease outlives its last renewal: how long the turn of a dead process waits.
    pub lease: Duration,
}

/// Runs the job at its turns until told to stop, whatever fails meanwhile.
pub async fn run(job: Arc<dyn Job>, calendar: Calendar, stop: CancellationToken) {
    let claim = Claim { schedule: job.name(), owner: Uuid::now_v7(), lease: calendar.lease };
    let keeper = Keeper { job: &*job, calendar: &calendar, claim };
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            ended = keeper.keep() => if let Err(error) = ended {
                tracing::warn!(schedule = job.name(), %error, "a schedule is held up, trying again");
            }
        }
        // Told to stop is as good as waited long enough.
        let _ = time::timeout(PAUSE, stop.cancelled()).await;
    }
    if let Err(error) = keeper.claim.leave(calendar.delivery.pool()).await {
        tracing::debug!(schedule = job.name(), %error, "the lease runs out by itself");
    }
}

struct Keeper<'a> {
    job: &'a dyn Job,
    calendar: &'a Calendar,
    claim: Claim,
}

impl Keeper<'_> {
    /// Turn by turn, until the database fails.
    async fn keep(&self) -> sqlx::Result<()> {
        let (pool, clock) = (self.calendar.delivery.pool(), &self.calendar.clock);
        let now = clock.now();
        self.claim.prepare(pool, self.job.cron(), self.calendar.zone, self.next(now), now).await?;
        loop {
            match self.claim.take(pool, clock.now()).await? {
                Some(due) => self.work(Turn { due, clock: clock.clone() }).await?,
                None => clock.passes().await,
            }
        }
    }

    /// Runs the job for as long as the lease is held.
    async fn work(&self, turn: Turn) -> sqlx::Result<()> {
        let pool = self.calendar.delivery.pool();
        let mut renewal = time::interval(self.calendar.lease / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut working = self.job.run(&turn);
        let ended = loop {
            tokio::select! {
                ended = &mut working => break ended,
                _ = renewal.tick() => if !self.claim.renew(pool).await? {
                    tracing::warn!(schedule = self.job.name(), "another process runs it");
                    return Ok(());
                }
            }
        };
        let now = turn.clock.now();
        let outcome = match ended {
            Ok(report) => Outcome::Done { report, next: self.next(now) },
            Err(error) => {
                tracing::warn!(schedule = self.job.name(), %error, "a job has failed, trying again");
                Outcome::Failed { error: error.to_string(), not_before: now + AGAIN }
            }
        };
        self.claim.finish(pool, now, &outcome).await
    }

    /// The first turn after this time.
    fn next(&self, time: DateTime<Utc>) -> DateTime<Utc> {
        self.job.cron().after(time, self.calendar.zone).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
