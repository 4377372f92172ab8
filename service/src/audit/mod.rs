//! The audit log beside the events: who came in and went, who was refused what, and what was already so.
//!
//! A request leaves a [`Record`] behind and goes on; one task seals and writes them in batches. What it cannot take is
//! dropped and counted: the log must never make a request wait. A read that must be known of waits for room a little, and is
//! not answered where there is none.

mod asked;
mod attempt;
mod budget;
mod layer;
mod ongoing;
mod routes;
mod row;
mod trail;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use prometheus_client::metrics::counter::Counter;
use tokio::{sync::mpsc, time::timeout};
use uuid::Uuid;

pub use self::{
    layer::watch,
    ongoing::Ongoing,
    routes::{Kept, Other, Watch},
    row::{By, Row, SealedOrigin},
    trail::Trail,
    writer::Keeper,
};
use crate::{
    problem::Code,
    process::Surroundings,
    request::{ClientInfo, Transport},
};

/// Records that may wait for the writer.
const QUEUE: usize = 4096;

/// So long a read waits until it can be kept.
const PATIENCE: Duration = Duration::from_secs(2);

/// One thing that somebody did or was refused, in clear: in memory only.
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) occurred_at: DateTime<Utc>,
    /// `auth.login`
    pub(crate) action: Arc<str>,
    pub(crate) outcome: Outcome,
    /// HTTP
    pub(crate) status: u16,
    pub(crate) code: Option<Code>,
    /// Who was known to be acting.
    pub actor: Option<Uuid>,
    pub(crate) session: Option<Uuid>,
    /// Whether that is an API key.
    pub(crate) is_program: bool,
    /// Whether the system itself has asked.
    pub(crate) by_system: bool,
    /// `amr`: how somebody proved who they are, where that was done with it.
    pub(crate) methods: Option<Vec<String>>,
    /// Whom it was about, where nobody was known to be acting.
    pub about: About,
    /// Where it came from.
    pub client: ClientInfo,
    /// How it came; none of several that came in different ways.
    pub(crate) transport: Option<Transport>,
    pub(crate) request: Uuid,
    pub(crate) trace: String,
    pub(crate) method: String,
    /// The template.
    pub(crate) route: Arc<str>,
    pub(crate) target: Option<Target>,
    /// SHA-256 in hexadecimal digits.
    pub(crate) key_hash: Option<Arc<str>>,
    /// What was asked for, of reads that are kept because they were answered, or what was done, of acts that leave no event.
    pub query: Option<String>,
    /// Of how many alike it tells.
    pub(crate) count: u32,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Success,
    /// Wrong or impossible.
    Failure,
    /// Not allowed, or not now.
    Denied,
}

/// Whose affair it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// Nobody's in particular.
    #[default]
    Nobody,
    /// That of whoever has signed up with this e-mail address.
    Address(String),
    /// That of whoever opened this session.
    Session(Uuid),
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `task`
    pub kind: String,
    /// As the path or the body names it.
    pub id: String,
}

impl Target {
    /// An object by its id.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }
}

/// Takes records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    records: mpsc::Sender<Record>,
    dropped: Counter,
    complained: Arc<AtomicBool>,
}

impl Audit {
    /// Starts the writer, which ends when all clones are gone after the shutdown has begun.
    pub fn spawn(keeper: impl Keeper, surroundings: &Surroundings) -> Self {
        let (records, queue) = mpsc::channel(QUEUE);
        let dropped = surroundings.metrics.audit_records_dropped().clone();
        let shutdown = surroundings.shutdown.token().clone();
        surroundings.shutdown.spawn(writer::run(keeper, surroundings.node.clone(), queue, shutdown));
        Self { records, dropped, complained: Arc::default() }
    }

    /// Keeps a record as soon as there is room, but does not wait for long; says whether it is kept.
    async fn keep_surely(&self, record: Record) -> bool {
        matches!(timeout(PATIENCE, self.records.send(record)).await, Ok(Ok(())))
    }

    /// Keeps a record, if there is room.
    fn keep(&self, record: Record) {
        if self.records.try_send(record).is_ok() {
            return;
        }
        self.dropped.inc();
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!("records of the audit log are dropped: see the metric audit_records_dropped");
        }
    }
}
