//! What of an event, or of a row of the audit log, goes into the tree.

use bytes::Bytes;
use sqlx::{PgPool, Row, ValueRef, postgres::PgRow};
use tokio::task::spawn_blocking;

use super::{Digest, Ledger, merkle};
use crate::{envelope, log};

/// Rows of one read at most, and how many bytes of payload.
const READ_ROWS: i64 = 1000;
const READ_BYTES: i64 = 4 << 20;

/// The columns of an event, in the order in which they are hashed.
const COLUMNS: [&str; 10] = [
    "position",
    "sequence",
    "recorded_at",
    "event_id",
    "aggregate_type",
    "aggregate_id",
    "event_type",
    "event_version",
    "payload",
    "metadata",
];

/// What went wrong with one row.
pub(super) type Unreadable = Box<dyn std::error::Error + Send + Sync>;

/// One position, and the hash of what stands there.
pub(super) struct Leaf {
    pub(super) position: i64,
    pub(super) hash: Result<Digest, String>,
}

/// An event as the tree holds it: its envelope exactly as published, and the row that it was made of. The row has what is
/// published to nobody (the session, the sealed address), and no two different rows have the same envelope and the same row.
pub(super) struct EventLeaf {
    pub(super) envelope: Bytes,
    pub(super) record: Digest,
}

impl EventLeaf {
    pub(super) fn of(row: &PgRow, position: i64) -> Result<Self, Unreadable> {
        Ok(Self { envelope: envelope::encode(&log::decode(row, position)?)?, record: record(row)? })
    }

    pub(super) fn hash(&self) -> Digest {
        merkle::leaf(&[&Digest::of(&[&self.envelope]).0, &self.record.0])
    }
}

/// The hash of the row: each column as Postgres sends it in binary, behind its length (4 bytes, big-endian).
fn record(row: &PgRow) -> Result<Digest, Unreadable> {
    let mut bytes = Vec::with_capacity(2048);
    for column in COLUMNS {
        let value = row.try_get_raw(column)?;
        let value = if value.is_null() { &[] } else { value.as_bytes()? };
        bytes.extend_from_slice(&u32::try_from(value.len())?.to_be_bytes());
        bytes.extend_from_slice(value);
    }
    Ok(Digest::of(&[&bytes]))
}

/// The event at this position.
pub(super) async fn event(pool: &PgPool, position: i64) -> Result<Option<EventLeaf>, sqlx::Error> {
    let rows = event_rows(pool, position - 1, position).await?;
    let leaf = rows.first().map(|row| EventLeaf::of(row, position));
    Ok(leaf.and_then(Result::ok))
}

/// What stands after position `after` and up to `up_to`, in order: all of it, or the beginning.
pub(super) async fn some(
    pool: &PgPool,
    ledger: Ledger,
    after: i64,
    up_to: i64,
) -> Result<Vec<Leaf>, sqlx::Error> {
    let rows = match ledger {
        Ledger::Events => event_rows(pool, after, up_to).await?,
        Ledger::Audit => audit_rows(pool, after, up_to).await?,
    };
    let leaves = spawn_blocking(move || {
        let leaf = |row: &PgRow| {
            let position = row.try_get("position")?;
            Ok(Leaf { position, hash: hash(ledger, row, position).map_err(|error| error.to_string()) })
        };
        rows.iter().map(leaf).collect()
    });
    leaves.await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

fn hash(ledger: Ledger, row: &PgRow, position: i64) -> Result<Digest, Unreadable> {
    match ledger {
        Ledger::Events => Ok(EventLeaf::of(row, position)?.hash()),
        Ledger::Audit => Ok(merkle::leaf(&[row.try_get_raw("row")?.as_bytes()?])),
    }
}

/// The same, all of it.
pub(super) async fn all(
    pool: &PgPool,
    ledger: Ledger,
    after: i64,
    up_to: i64,
) -> Result<Vec<Leaf>, sqlx::Error> {
    let mut leaves = Vec::new();
    let mut at = after;
    while at < up_to {
        let page = some(pool, ledger, at, up_to).await?;
        let Some(last) = page.last() else { break };
        at = last.position;
        leaves.extend(page);
    }
    Ok(leaves)
}

/// Position of the last event or row; 0 while there is none.
pub(super) async fn head(pool: &PgPool, ledger: Ledger) -> Result<i64, sqlx::Error> {
    let sql = match ledger {
        Ledger::Events => "SELECT coalesce(max(position), 0) FROM event_store.events",
        Ledger::Audit => "SELECT coalesce(max(position), 0) FROM event_store.audit_log",
    };
    sqlx::query_scalar(sql).fetch_one(pool).await
}

pub(super) async fn event_rows(pool: &PgPool, after: i64, up_to: i64) -> Result<Vec<PgRow>, sqlx::Error> {
    const SQL: &str = "SELECT position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, \
         event_version, payload, metadata FROM (SELECT *, sum(bytes) OVER (ORDER BY position) - bytes AS earlier \
         FROM (SELECT *, octet_length(payload::text) + octet_length(metadata::text) AS bytes \
         FROM event_store.events WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3) AS page) AS summed \
         WHERE earlier < $4 ORDER BY position";
    sqlx::query(SQL).bind(after).bind(up_to).bind(READ_ROWS).bind(READ_BYTES).fetch_all(pool).await
}

/// Columns without a value are left out, so that a column that comes later changes no hash of before.
pub(super) async fn audit_rows(pool: &PgPool, after: i64, up_to: i64) -> Result<Vec<PgRow>, sqlx::Error> {
    const SQL: &str = "SELECT position, json_strip_nulls(row_to_json(kept))::text AS row FROM event_store.audit_log AS kept \
         WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3";
    sqlx::query(SQL).bind(after).bind(up_to).bind(READ_ROWS).fetch_all(pool).await
}
