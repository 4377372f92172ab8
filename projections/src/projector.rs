//! What a projection must be able to do.

use std::sync::Arc;

use domain::event::DecodeError;
use event_store::{SealError, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::registry::Projection;

/// Folds the events of one kind of aggregate into tables. Its rows depend on the log alone, and each belongs to one
/// aggregate, so that lanes, replicas and rebuilds may take aggregates in any order.
pub trait Projector: Send + Sync + 'static {
    /// Its name and tables.
    fn projection(&self) -> &'static Projection;

    /// Whose events it folds; others pass by.
    fn folds(&self) -> Folds;

    /// Brings the tables from before these events to after them, all or nothing.
    ///
    /// Events come in position order, each once, those of one aggregate without gaps. `search_path` is at the tables;
    /// a transaction is open.
    fn apply<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<(), ApplyError>>;

    /// What `apply` would write, if one statement can: every round trip more is waited for by those who wait for the rows.
    ///
    /// Only reads, and need not see the tables as they will be: when they have changed meanwhile, nothing is written.
    fn writes<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Option<Box<dyn Writes>>, ApplyError>> {
        let _other = (tables, events);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Copies the rows of these aggregates into tables that have none of them yet.
    ///
    /// Each history is whole up to some position and in order; those that cannot be folded come back with the reason. Whoever
    /// folds everything gets each event by itself, in the order of the log.
    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>>;

    /// One like it for the batches that follow a checkpoint as it was just read, on one connection. Each joins on to the
    /// one before it or fails for good, so what that one committed is still there, and may be remembered. None if there is
    /// nothing to remember.
    fn following(&self) -> Option<Box<dyn Projector>> {
        None
    }

    /// The last `apply` was the only one in its transaction, and that is committed. Not said of every transaction.
    fn committed(&self) {}
}

/// What a batch writes, as parts of one statement.
pub trait Writes: Send + Sync {
    /// Adds to a `WITH` that has begun: `, name AS (INSERT …)` for each table. No part sees what another one does.
    fn push<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>);
}

/// Whose events a projector folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folds {
    /// Those of aggregates of this type: `task`, `user`.
    Kind(&'static str),
    /// All; its rows belong to one event each.
    Everything,
}

impl Folds {
    /// Whether this is one of them.
    pub fn includes(self, event: &Envelope) -> bool {
        match self {
            Self::Kind(kind) => event.aggregate_type == kind,
            Self::Everything => true,
        }
    }
}

/// An event that a rebuild met and could not fold.
#[derive(Debug)]
pub struct Unfoldable {
    /// Whose event it is.
    pub aggregate_id: Uuid,
    /// Where it is in the log.
    pub position: i64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why events could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// This event cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// This event does not go with what came before it.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The database refused, or went away.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The keys of personal fields could not be had.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// An event that does not go with the rows before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// An aggregate is created that is there already.
    #[error("the aggregate is created a second time")]
    AlreadyThere,
    /// Something happened to what is not there.
    #[error("the event is about something that is not there")]
    NotThere,
    /// The event does not follow the last one of the row.
    #[error("the row is at version {row}, the event has version {event}")]
    OutOfOrder {
        /// Version of the row.
        row: i64,
        /// Version of the event.
        event: i64,
    },
}

impl ApplyError {
    /// Whether the events themselves are at fault, so that trying again cannot help: such an event is parked.
    pub fn is_data(&self) -> bool {
        match self {
            Self::Decode(_) | Self::Fold(_) | Self::Seal(SealError::Damaged) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
            Self::Database(_) | Self::Seal(_) => false,
        }
    }
}
