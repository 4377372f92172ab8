//! Every night the core system is told again what it has not taken.
//!
//! What waits is made due batch by batch, for one more attempt each, in order of position; the channel carries it out, and the
//! run watches. A run that dies goes on as the same run: it knows what it has made due. It stops when most of what it tries
//! fails, and ends with a comparison of how far both sides know each task, and a report to those who run the place.

mod checksum;
mod ledger;
mod report;
mod taken;

use std::{sync::Arc, time::Duration};

use event_store::Log;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::{self, Instant};
use uuid::Uuid;

use super::{Cron, Job, JobError, Turn};
use crate::{channels::interface::Interface, delivery::Delivery};
use ledger::Tally;

/// How a run goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Deliveries under way at a time at most.
    pub batch: i64,
    /// So many must have been tried before the rate of failures counts.
    pub least: i64,
    /// A core system that lets nothing come back for so long is down.
    pub patience: Duration,
    /// Between two looks at what has come of it.
    pub look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let (patience, look) = (Duration::from_secs(10 * 60), Duration::from_millis(500));
        Self { batch: 100, least: 20, patience, look }
    }
}

/// The job.
#[derive(Clone, Debug)]
pub struct InterfaceNight {
    /// When.
    pub cron: Cron,
    /// Where the deliveries are.
    pub delivery: Delivery,
    /// How long it is.
    pub log: Log,
    /// Whom it asks in the end how far it knows the tasks.
    pub interface: Arc<Interface>,
    /// How it goes about it.
    pub pace: Pace,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Everything that waited was tried.
    Done,
    /// More than half of what was tried failed.
    Failing,
    /// Nothing came back.
    Silent,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failing => "failing",
            Self::Silent => "silent",
        }
    }
}

impl Job for InterfaceNight {
    fn name(&self) -> &'static str {
        "interface_nightly"
    }

    fn cron(&self) -> &Cron {
        &self.cron
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<Value, JobError>> {
        Box::pin(self.night(turn))
    }
}

impl InterfaceNight {
    async fn night(&self, turn: &Turn) -> Result<Value, JobError> {
        let pool = self.delivery.pool();
        let run = ledger::begin(pool, turn.due).await?;
        if let Some(report) = run.report {
            return Ok(report);
        }
        let end = self.tell_again(run.id).await?;
        ledger::put_back(pool, run.id).await?;
        let mut report = report::report(pool, run.id, turn, end).await?;
        if end == End::Done {
            report.checksum = Some(checksum::compare(pool, &self.interface).await?);
        }
        report::close(pool, &self.log, &report).await
    }

    async fn tell_again(&self, run: Uuid) -> Result<End, JobError> {
        let (mut seen, mut since) = (Tally::default(), Instant::now());
        loop {
            let tally = ledger::tally(self.delivery.pool(), run).await?;
            if tally.is_failing(self.pace.least) {
                return Ok(End::Failing);
            }
            if tally != seen {
                (seen, since) = (tally, Instant::now());
            }
            if tally.open > 0 && since.elapsed() > self.pace.patience {
                return Ok(End::Silent);
            }
            if tally.open == 0 && ledger::make_due(self.delivery.pool(), run, self.pace.batch).await? == 0 {
                return Ok(End::Done);
            }
            time::sleep(self.pace.look).await;
        }
    }
}
