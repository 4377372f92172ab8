//! What people read is far behind the log, or stands still.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use domain::{notification::ChannelSet, time::Timestamp};
use event_store::Log;
use tokio_util::sync::CancellationToken;

use super::raise::{of_projection, raise, tell};
use crate::{
    connect::ReadModel,
    deliveries,
    delivery::Delivery,
    lag::{lanes, stopped},
    reactors::ReactError,
    schedules::Clock,
};

/// What is not taken in so long after it was recorded is far behind.
const FAR: TimeDelta = TimeDelta::minutes(5);

/// Looks after projections. Several processes may: each alert comes once.
#[derive(Clone, Debug)]
pub struct Watching {
    /// Whom to tell.
    pub delivery: Delivery,
    /// What is to be projected.
    pub log: Log,
    /// What has been.
    pub read_model: ReadModel,
    /// The ways that there are.
    pub ways: ChannelSet,
}

/// Tells admins until told to stop.
pub async fn run(watching: Watching, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = watching.look(clock.now().into()).await {
            tracing::debug!(%error, "the lag cannot be measured");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.passes() => {}
        }
    }
}

impl Watching {
    /// Looks once; returns how many alerts there were.
    pub async fn look(&self, now: Timestamp) -> Result<usize, ReactError> {
        let head = self.log.head().await?;
        let long_there = self.log.position_at(now.plus(-FAR)).await?;
        let mut raised = 0;
        for (name, behind) in self.behind(long_there, head).await? {
            raised += usize::from(self.alert(&name, behind, head, now).await?);
        }
        Ok(raised)
    }

    /// The projections that lack what has long been there, or are stopped; with the number of events that they have yet to
    /// take in.
    async fn behind(&self, long_there: i64, head: i64) -> sqlx::Result<BTreeMap<String, i64>> {
        let mut behind = BTreeMap::new();
        let stopped = stopped(&self.read_model).await?;
        for lane in lanes(&self.read_model).await? {
            if lane.position < long_there || stopped.contains(&lane.name) {
                let missing = head - lane.position;
                let known = behind.entry(lane.name).or_insert(missing);
                *known = missing.max(*known);
            }
        }
        Ok(behind)
    }

    async fn alert(&self, name: &str, behind: i64, head: i64, now: Timestamp) -> Result<bool, ReactError> {
        let alert = of_projection(name, behind, now);
        let mut transaction = self.delivery.pool().begin().await?;
        // Two processes look at the same time: one of them waits for the other.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('taskledger alerts', 0))")
            .execute(&mut *transaction)
            .await?;
        if !raise(&mut transaction, &alert, head).await? {
            return Ok(false);
        }
        let mails = tell(&mut transaction, &self.log, self.ways, &alert, head).await?;
        deliveries::insert(&mut transaction, &mails).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
