//! What is done by the clock: jobs with a cron expression each, in one time zone.
//!
//! A schedule is a row in `delivery.schedules`. The process that holds its lease runs the job when its turn has come; the turn
//! is over when the job has ended, so one that dies in the middle is run again. However many turns were missed, they are made
//! up for by one run. Time comes from a [`Clock`], so tests decide what time it is.

mod args;
mod clock;
mod cron;
pub mod interface_night;
mod runner;
mod store;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use event_store::LogError;
use futures_util::future::BoxFuture;
use serde_json::Value;

pub use args::ScheduleArgs;
pub use clock::{Clock, SystemClock};
pub use cron::{Cron, InvalidCron};
pub use runner::{Calendar, LEASE, run};

/// Something to do again and again.
pub trait Job: Send + Sync {
    /// Its row in `delivery.schedules`.
    fn name(&self) -> &'static str;

    /// When.
    fn cron(&self) -> &Cron;

    /// Does it; what is returned is shown to operators. It may be dropped anywhere and is then run again for the same turn.
    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<Value, JobError>>;
}

/// One time at which a job is to be done.
#[derive(Clone)]
pub struct Turn {
    /// When it was due; if turns were missed, the first of them.
    pub due: DateTime<Utc>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Why a job could not be done; it is tried again soon.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Tables cannot be read or written.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What has come of it cannot be written down.
    #[error("what has come of it cannot be written down: {0}")]
    Unwritable(#[from] serde_json::Error),
}
