//! The step of the sealer: the next block, when it is due.

use std::time::Duration;

use domain::time::Timestamp;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::{
    Digest, Fault, KeyRing, Ledger, SealKey, SignedSeal,
    leaf::{self, Leaf},
    merkle,
    seal::Block,
};

/// How large and how old what is not sealed may grow.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Events of a block.
    pub events: i64,
    /// A block is sealed with fewer when its first event is as old as this.
    pub after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { events: 1000, after: Duration::from_secs(10) }
    }
}

/// Why a block was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The database did not answer as asked.
    #[error("the log cannot be read or sealed: {0}")]
    Database(#[from] sqlx::Error),
    /// The last seal is none of ours, so nothing may follow it.
    #[error("the last seal is not to be trusted: {0}")]
    Last(Fault),
    /// What is there cannot be sealed.
    #[error("position {position} cannot be sealed: {fault}")]
    Damaged {
        /// The position.
        position: i64,
        /// What is wrong there.
        fault: Fault,
    },
    /// A seal could not be written down.
    #[error("a seal cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// How far a log is sealed.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Position of the last event.
    pub head: i64,
    /// The last seal.
    pub last: Option<SignedSeal>,
    due: bool,
    epoch: Uuid,
    now: Timestamp,
}

impl Standing {
    /// The last position that is sealed.
    pub fn sealed(&self) -> i64 {
        self.last.as_ref().map_or(0, |signed| signed.seal.last)
    }

    /// How many seals there are.
    pub fn number(&self) -> i64 {
        self.last.as_ref().map_or(0, |signed| signed.seal.number)
    }

    /// Should a block be sealed now?
    pub fn is_due(&self) -> bool {
        self.due
    }
}

#[derive(FromRow)]
struct StandingRow {
    head: i64,
    line: Option<String>,
    number: i64,
    last: i64,
    /// Is the first event that is not sealed old enough? Nothing, if it is not there.
    ripe: Option<bool>,
    epoch: Uuid,
    now: chrono::DateTime<chrono::Utc>,
}

/// The question how far a log is sealed, on its table.
macro_rules! standing {
    ($log:literal, $table:literal) => {
        concat!(
            "SELECT coalesce((SELECT max(position) FROM ", $table, "), 0) AS head, sealed.line, coalesce(sealed.number, 0) AS number, coalesce(sealed.last, 0) AS last, ",
            "(SELECT recorded_at <= clock_timestamp() - $1 * interval '1 millisecond' FROM ", $table,
            " WHERE position = coalesce(sealed.last, 0) + 1) AS ripe, ",
            "(SELECT epoch FROM event_store.log_head WHERE single) AS epoch, clock_timestamp() AS now ",
            "FROM (VALUES (1)) AS one LEFT JOIN LATERAL (SELECT number, last, line FROM event_store.seals ",
            "WHERE log = '", $log, "' ORDER BY number DESC LIMIT 1) AS sealed ON true"
        )
    };
}

/// Seals one block after the other. Any number of these may work on one log: a seal has one place only, and who comes second
/// seals nothing.
#[derive(Clone, Debug)]
pub struct Sealing {
    pool: PgPool,
    key: SealKey,
    ring: KeyRing,
    pace: Pace,
}

impl Sealing {
    /// Seals with this key the log behind this pool (role `taskledger_command`); `ring` has the keys of earlier seals.
    pub fn new(pool: PgPool, key: SealKey, ring: KeyRing, pace: Pace) -> Self {
        Self { pool, key, ring, pace }
    }

    /// The log's pool and the keys that are believed.
    pub fn trust(&self) -> (&PgPool, &KeyRing) {
        (&self.pool, &self.ring)
    }

    /// Reads how far the log is, and how far it is sealed.
    pub async fn standing(&self, ledger: Ledger) -> Result<Standing, SealingError> {
        let sql = match ledger {
            Ledger::Events => standing!("events", "event_store.events"),
            Ledger::Audit => standing!("audit", "event_store.audit_log"),
        };
        // No longer than Postgres can reckon with.
        let age = u32::try_from(self.pace.after.as_millis()).unwrap_or(u32::MAX);
        let row: StandingRow = sqlx::query_as(sql).bind(i64::from(age)).fetch_one(&self.pool).await?;
        let last = row.line.map(|line| SignedSeal::parse(&line)).transpose();
        let last = last.map_err(|_| SealingError::Last(Fault::SealChanged))?;
        let told = last.as_ref().map_or((0, 0), |signed| (signed.seal.number, signed.seal.last));
        if told != (row.number, row.last) {
            return Err(SealingError::Last(Fault::SealChanged));
        }
        let waiting = row.head - row.last;
        // A hole is due too: whoever seals says that it is there.
        let due = waiting > 0 && (waiting >= self.pace.events || row.ripe.unwrap_or(true));
        Ok(Standing { head: row.head, last, due, epoch: row.epoch, now: row.now.into() })
    }

    /// Seals the block after the last seal; none if somebody else was first, or nothing is left to seal.
    pub async fn seal_after(
        &self,
        ledger: Ledger,
        standing: &Standing,
    ) -> Result<Option<SignedSeal>, SealingError> {
        let sealed = standing.sealed();
        let up_to = standing.head.min(sealed + self.pace.events);
        if up_to <= sealed {
            return Ok(None);
        }
        if let Some(last) = &standing.last {
            last.verify(&self.ring).map_err(SealingError::Last)?;
        }
        let leaves = dense(leaf::all(&self.pool, ledger, sealed, up_to).await?, sealed, up_to)?;
        let previous = standing.last.as_ref().map(|last| (last.hash(), last.seal.time));
        let (previous, earlier) = previous.unwrap_or_default();
        let block = Block {
            log: ledger,
            number: standing.number() + 1,
            first: sealed + 1,
            last: up_to,
            epoch: standing.epoch,
            time: standing.now.max(earlier),
            root: merkle::root(&leaves),
            previous,
        };
        let signed = block.sign(&self.key)?;
        Ok(self.keep(&signed, &leaves).await?.then_some(signed))
    }

    async fn keep(&self, signed: &SignedSeal, leaves: &[Digest]) -> Result<bool, sqlx::Error> {
        const SQL: &str = "SELECT event_store.keep_seal($1, $2, $3, $4, $5, $6)";
        let leaves: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.0).collect();
        let seal = &signed.seal;
        let keep = sqlx::query_scalar(SQL).bind(seal.log.as_str()).bind(seal.number).bind(seal.first);
        keep.bind(seal.last).bind(signed.line()).bind(leaves).fetch_one(&self.pool).await
    }
}

/// The hashes after `after` up to `up_to`, each of which must be there.
fn dense(leaves: Vec<Leaf>, after: i64, up_to: i64) -> Result<Vec<Digest>, SealingError> {
    let damaged = |position, fault| Err(SealingError::Damaged { position, fault });
    let mut leaves = leaves.into_iter();
    let hash = |position| match leaves.next() {
        Some(leaf) if leaf.position == position => {
            leaf.hash.or_else(|reason| damaged(position, Fault::Unreadable(reason)))
        }
        _ => damaged(position, Fault::Missing),
    };
    (after + 1..=up_to).map(hash).collect()
}
