//! The audit log beside the events: who came in and went, and who was refused what.
//!
//! A request leaves a [`Record`] behind and goes on; one task seals and writes them in batches. What it cannot take is
//! dropped and counted: the log must never make a request wait.

mod budget;
mod row;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use domain::user::values::Email;
use prometheus_client::metrics::counter::Counter;
use service::{problem::Code, process::Surroundings, request::ClientInfo};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::commands::Commands;

/// Records that may wait for the writer.
const QUEUE: usize = 4096;

/// One thing that somebody did or was refused, in clear: in memory only.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) occurred_at: DateTime<Utc>,
    /// `auth.login`
    pub(crate) action: Arc<str>,
    pub(crate) outcome: Outcome,
    /// HTTP
    pub(crate) status: u16,
    pub(crate) code: Option<Code>,
    pub(crate) actor: Option<Uuid>,
    pub(crate) session: Option<Uuid>,
    /// Whom it was about, where nobody was known to be acting.
    pub(crate) about: About,
    pub(crate) client: ClientInfo,
    pub(crate) request: Uuid,
    pub(crate) trace: String,
    pub(crate) method: String,
    /// The template.
    pub(crate) route: Arc<str>,
    pub(crate) target: Option<Target>,
    /// SHA-256 in hexadecimal digits.
    pub(crate) key_hash: Option<String>,
    /// Of how many alike it tells.
    pub(crate) count: u32,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Success,
    /// Wrong or impossible.
    Failure,
    /// Not allowed, or not now.
    Denied,
}

/// Whose affair it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum About {
    /// Nobody's in particular.
    #[default]
    Nobody,
    /// That of whoever has signed up with this address.
    Email(Email),
    /// That of whoever opened this session.
    Session(Uuid),
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `task`
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// Takes records. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    records: mpsc::Sender<Record>,
    dropped: Counter,
    complained: Arc<AtomicBool>,
}

impl Audit {
    /// Starts the writer, which ends when all clones are gone after the shutdown has begun.
    pub(crate) fn spawn(commands: Commands, surroundings: &Surroundings) -> Self {
        let (records, queue) = mpsc::channel(QUEUE);
        let dropped = Counter::default();
        let help = "Records of the audit log that could not be kept";
        surroundings.metrics.register(|registry| {
            registry.register("audit_records_dropped", help, dropped.clone());
        });
        let shutdown = surroundings.shutdown.token().clone();
        surroundings.shutdown.spawn(writer::run(commands, queue, shutdown));
        Self { records, dropped, complained: Arc::default() }
    }

    /// Keeps a record, if there is room.
    pub(crate) fn keep(&self, record: Record) {
        if self.records.try_send(record).is_ok() {
            return;
        }
        self.dropped.inc();
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("records of the audit log are dropped: see the metric audit_records_dropped");
        }
    }
}
