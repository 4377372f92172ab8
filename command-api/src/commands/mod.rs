//! Commands as this process executes them, whoever sends them: HTTP, the importer, process managers.

mod caller;
mod claims;
mod facts;
mod merge;
mod operations;
mod receipts;
mod records;
mod refusal;
mod tasks;
mod users;

use std::{sync::Arc, time::Duration};

use cqrs_es::Aggregate;
use domain::{
    ids::{TaskId, TaskKey, UserId},
    personal::Sealed,
    task::{Task, values::ExternalRef},
    user::User,
};
use event_store::{AggregateRef, Appender, Log, Sealer, TaskKeys};
use service::{auth::Revocations, node::Node};

pub use caller::{Caller, SealedClient, Who};
pub use operations::OperationUnit;
pub use receipts::{Answer, ReceiptKey, Reply};
pub use refusal::{FieldConflict, Refusal, Refused};
pub use tasks::{Committed, Precondition, TaskDone, TaskStep, TaskUnit};
pub use users::{UserDone, UserUnit};

use crate::{aggregates::Aggregates, locks::Locks};
pub(crate) use receipts::Twins;
pub(crate) use records::{RecordDone, RecordUnit};

/// Executes commands. Cheap to clone; all clones share caches and locks.
#[derive(Clone, Debug)]
pub struct Commands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: Log,
    appender: Appender,
    sealer: Sealer,
    keys: TaskKeys,
    aggregates: Aggregates,
    locks: Locks<AggregateRef>,
    twins: Locks<Twins>,
    revocations: Revocations,
    node: Node,
    key_index: quick_cache::sync::Cache<TaskKey, TaskId>,
}

/// How long a command waits for its turn at an aggregate.
const TURN_PATIENCE: Duration = Duration::from_secs(5);
/// How long a request waits for the answer of its twin.
const TWIN_PATIENCE: Duration = Duration::from_secs(2);
/// Task keys whose task is remembered.
const CACHED_KEYS: usize = 10_000;

impl Commands {
    /// Commands on this log; `sealer` must be able to seal.
    /// What they revoke goes into `revocations`; events say that `node` has taken the command.
    pub fn new(log: Log, appender: Appender, sealer: Sealer, revocations: Revocations, node: Node) -> Self {
        Self(Arc::new(Inner {
            keys: TaskKeys::new(log.pool().clone()),
            aggregates: Aggregates::new(log.clone()),
            log,
            appender,
            sealer,
            locks: Locks::new(TURN_PATIENCE),
            twins: Locks::new(TWIN_PATIENCE),
            revocations,
            node,
            key_index: quick_cache::sync::Cache::new(CACHED_KEYS),
        }))
    }

    /// The log that commands read.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Which process it is.
    pub(crate) fn node(&self) -> &Node {
        &self.0.node
    }

    /// What this process and others have revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// A key for a new task, never handed out before.
    pub async fn next_key(&self) -> Result<TaskKey, Refusal> {
        Ok(self.0.keys.next().await?)
    }

    /// Seals a personal text with the key of the person it is about.
    pub async fn seal(&self, subject: UserId, text: &str) -> Result<Sealed, Refusal> {
        Ok(self.0.sealer.seal(subject.0, text).await?)
    }

    /// Opens a sealed text; none if the person was erased.
    pub async fn unseal(&self, text: &Sealed) -> Result<Option<String>, Refusal> {
        Ok(self.0.sealer.unseal(text).await?.clear())
    }

    /// The task that bears this name in another system.
    pub async fn find_external_ref(&self, reference: &ExternalRef) -> Result<Option<TaskId>, Refusal> {
        let owner = self.0.log.find_claim(claims::EXTERNAL_REF, &reference.as_claim()).await?;
        Ok(owner.map(TaskId))
    }

    /// The task that bears this key.
    pub async fn find_key(&self, key: TaskKey) -> Result<Option<TaskId>, Refusal> {
        const SQL: &str = "SELECT aggregate_id::uuid FROM event_store.events \
             WHERE event_type = 'task.created' AND (payload ->> 'key') COLLATE \"C\" = $1";
        if let Some(task) = self.0.key_index.get(&key) {
            return Ok(Some(task));
        }
        let query = sqlx::query_scalar(SQL).bind(key.to_string()).fetch_optional(self.0.log.pool());
        let task = query.await.map_err(event_store::LogError::from)?.map(TaskId);
        if let Some(task) = task {
            self.0.key_index.insert(key, task);
        }
        Ok(task)
    }
}

pub(crate) fn user_ref(id: UserId) -> AggregateRef {
    AggregateRef { kind: User::TYPE, id: id.0 }
}

pub(crate) fn task_ref(id: TaskId) -> AggregateRef {
    AggregateRef { kind: Task::TYPE, id: id.0 }
}
