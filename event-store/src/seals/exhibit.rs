//! What a ledger holds and what proves it, for files that leave the house: see `docs/verify_export.py`.

use bytes::Bytes;
use domain::webhook::values::Moment;
use serde::Serialize;
use sqlx::{PgPool, Row};
use tokio::task::spawn_blocking;

use super::{
    Digest, Fault, Finding, Ledger,
    leaf::{self, EventLeaf, Unreadable},
    merkle, table,
};
use crate::{Log, LogError};

/// One event, or one row of the audit log, exactly as it was sealed.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Its place.
    pub position: i64,
    /// The envelope as published, or the row as JSON.
    pub bytes: Bytes,
    /// SHA-256 of the row that an event was made of; an envelope does not have all of it.
    record: Option<Digest>,
}

/// The place of an exhibit in the tree, when its bytes are gone.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    position: i64,
    hash: Digest,
    record: Option<Digest>,
}

/// A sealed block.
#[derive(Clone, Debug)]
pub struct Block {
    /// First position.
    pub first: i64,
    /// Last position.
    pub last: i64,
    line: String,
    leaves: Vec<Digest>,
}

/// What proves some exhibits of a block, together.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The seal's line.
    seal: String,
    /// Of each event, in order, SHA-256 of its row; nothing for the audit log, whose rows are there as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<Digest>,
    /// The roots of those parts of the tree that hold none of them, from left to right.
    beside: Vec<Digest>,
}

impl Exhibit {
    /// What of it goes into the proof.
    pub fn trace(&self) -> Trace {
        let hash = match self.record {
            Some(record) => merkle::leaf(&[&Digest::of(&[&self.bytes]).0, &record.0]),
            None => merkle::leaf(&[&self.bytes]),
        };
        Trace { position: self.position, hash, record: self.record }
    }
}

impl Block {
    /// Proves these, which are of this block and in order; an error if they are not what was sealed.
    pub fn evidence(&self, of: &[Trace]) -> Result<Evidence, Finding> {
        let mut wanted = Vec::with_capacity(of.len());
        for trace in of {
            let index = usize::try_from(trace.position - self.first).unwrap_or(usize::MAX);
            if self.leaves.get(index) != Some(&trace.hash) {
                let position = trace.position;
                return Err(Finding { position, up_to: position, fault: Fault::Changed });
            }
            wanted.push(index);
        }
        let records = of.iter().filter_map(|trace| trace.record).collect();
        let beside = merkle::beside(&self.leaves, &wanted);
        Ok(Evidence { seal: self.line.clone(), records, beside })
    }
}

/// What stands after position `after` and up to `up_to`, in order: all of it, or the beginning.
pub async fn exhibits(
    pool: &PgPool,
    ledger: Ledger,
    after: i64,
    up_to: i64,
) -> Result<Vec<Exhibit>, LogError> {
    let rows = match ledger {
        Ledger::Events => leaf::event_rows(pool, after, up_to).await?,
        Ledger::Audit => leaf::audit_rows(pool, after, up_to).await?,
    };
    let read = spawn_blocking(move || {
        let exhibit = |row| {
            let position: i64 = sqlx::Row::try_get(row, "position")?;
            of_row(ledger, row, position).map_err(|source| LogError::Damaged { position, source })
        };
        rows.iter().map(exhibit).collect()
    });
    read.await.map_err(|_| LogError::Database(sqlx::Error::WorkerCrashed))?
}

fn of_row(ledger: Ledger, row: &sqlx::postgres::PgRow, position: i64) -> Result<Exhibit, Unreadable> {
    match ledger {
        Ledger::Events => {
            let EventLeaf { envelope, record } = EventLeaf::of(row, position)?;
            Ok(Exhibit { position, bytes: envelope, record: Some(record) })
        }
        Ledger::Audit => {
            let text: String = row.try_get("row")?;
            Ok(Exhibit { position, bytes: text.into(), record: None })
        }
    }
}

/// The sealed block with this position; none if it is not sealed yet. An error if its seal says something else.
pub async fn block_at(
    pool: &PgPool,
    ledger: Ledger,
    position: i64,
) -> Result<Result<Option<Block>, Finding>, LogError> {
    let Some(row) = table::holding(pool, ledger, position).await? else { return Ok(Ok(None)) };
    let bad = |fault| Ok(Err(Finding { position: row.first, up_to: row.first, fault }));
    let Ok(seal) = row.seal(ledger) else { return bad(Fault::SealChanged) };
    let leaves = row.leaves();
    if merkle::root(&leaves) != seal.seal.root {
        return bad(Fault::LeavesChanged);
    }
    Ok(Ok(Some(Block { first: row.first, last: row.last, line: row.line, leaves })))
}

/// The last position of a ledger; 0 while there is none.
pub async fn head(pool: &PgPool, ledger: Ledger) -> Result<i64, LogError> {
    Ok(leaf::head(pool, ledger).await?)
}

/// The position in a ledger before the first that is of this moment or after it.
pub async fn position_before(pool: &PgPool, ledger: Ledger, moment: Moment) -> Result<i64, LogError> {
    const SQL: &str =
        "SELECT position FROM event_store.audit_log WHERE recorded_at < $1 ORDER BY position DESC LIMIT 1";
    match (ledger, moment) {
        (Ledger::Events, moment) => Log::connect(pool.clone()).position_before(moment).await,
        (Ledger::Audit, Moment::Position(position)) => Ok(position - 1),
        (Ledger::Audit, Moment::Time(time)) => {
            let found = sqlx::query_scalar(SQL).bind(time.as_datetime()).fetch_optional(pool).await?;
            Ok(found.unwrap_or(0))
        }
    }
}
