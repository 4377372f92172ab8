//! Receipts: the kept answers of commands, so that a retry gets the same one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::time::Timestamp;
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use crate::LogError;

/// How long a receipt is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 24 hours: HTTP and gRPC calls.
    Day,
    /// 90 days: sync and service accounts.
    Quarter,
}

impl Class {
    /// How long a receipt of this class answers retries.
    pub fn retention(self) -> Duration {
        const DAY: u64 = 24 * 60 * 60;
        Duration::from_secs(match self {
            Self::Day => DAY,
            Self::Quarter => 90 * DAY,
        })
    }

    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Quarter => "quarter",
        }
    }
}

/// The answer to keep for a retry with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who used the key; keys of different principals never meet.
    pub principal: String,
    /// The idempotency key.
    pub key: String,
    /// How long it is kept.
    pub class: Class,
    /// SHA-256 of what was asked, to tell a retry from another request under the same key.
    pub fingerprint: [u8; 32],
    /// HTTP status of the answer.
    pub status: u16,
    /// The answer's body without position.
    pub body: String,
    /// The answer's `ETag`.
    pub etag: Option<String>,
    /// The answer's `Location`.
    pub location: Option<String>,
}

/// A receipt as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// The unit that wrote it.
    pub unit: Uuid,
    /// As it was given to the append.
    pub receipt: Receipt,
    /// The position that the unit was answered with.
    pub position: i64,
    /// When it was written.
    pub recorded_at: Timestamp,
}

/// Looks in the partitions that may hold a receipt in force; `$3` chooses the class.
const FIND: &str = "SELECT unit_id, position, recorded_at, status, fingerprint, body, etag, location \
     FROM event_store.command_receipts \
     WHERE class = $3 AND key = $2 AND principal = $1 AND recorded_at > now() - $4 \
     AND day >= ((now() - $4) AT TIME ZONE 'UTC')::date ORDER BY recorded_at DESC LIMIT 1";

pub(crate) async fn find(
    pool: &PgPool,
    principal: &str,
    key: &str,
    class: Class,
) -> Result<Option<StoredReceipt>, LogError> {
    let query = sqlx::query(FIND).bind(principal).bind(key).bind(class.as_str()).bind(class.retention());
    query.fetch_optional(pool).await?.map(|row| stored(&row, principal, key, class)).transpose()
}

/// A row of `command_receipts` as the receipt of this key.
pub(crate) fn stored(
    row: &PgRow,
    principal: &str,
    key: &str,
    class: Class,
) -> Result<StoredReceipt, LogError> {
    let recorded_at: DateTime<Utc> = row.try_get("recorded_at")?;
    let receipt = Receipt {
        principal: principal.to_owned(),
        key: key.to_owned(),
        class,
        fingerprint: digest(row.try_get("fingerprint")?)?,
        status: u16::try_from(row.try_get::<i32, _>("status")?).map_err(|_| LogError::DamagedReceipt)?,
        body: row.try_get("body")?,
        etag: row.try_get("etag")?,
        location: row.try_get("location")?,
    };
    Ok(StoredReceipt {
        unit: row.try_get("unit_id")?,
        receipt,
        position: row.try_get("position")?,
        recorded_at: recorded_at.into(),
    })
}

fn digest(bytes: &[u8]) -> Result<[u8; 32], LogError> {
    bytes.try_into().map_err(|_| LogError::DamagedReceipt)
}
