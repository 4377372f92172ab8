//! Files that auditors have asked for, as projections has written them.

use sqlx::{FromRow, PgPool};
use uuid::Uuid;

/// A complete file.
#[derive(Clone, Debug, FromRow)]
pub struct ExportFile {
    /// The operation that made it.
    pub operation: Uuid,
    /// `events`, `audit_records`.
    pub kind: String,
    /// `ndjson`, `csv`.
    pub format: String,
    /// First position that was looked at.
    pub first: i64,
    /// Last position that was looked at.
    pub last: i64,
    /// How many pieces there are.
    pub chunks: i32,
    /// Bytes of the whole.
    pub bytes: i64,
    /// Bytes of all pieces as they are stored.
    pub stored: i64,
    /// CRC-32 of the whole.
    pub crc32: i64,
    /// SHA-256 of the whole.
    pub sha256: Vec<u8>,
}

/// The file of an operation, and whether it is complete; none if there is none, or none any more.
pub async fn export_file(pool: &PgPool, operation: Uuid) -> sqlx::Result<Option<ExportFile>> {
    const SQL: &str = "SELECT operation, kind, format, after + 1 AS first, until AS last, chunks, bytes, stored, crc32, sha256 \
         FROM delivery.exports WHERE operation = $1 AND sha256 IS NOT NULL AND expire_time > clock_timestamp()";
    sqlx::query_as(SQL).bind(operation).fetch_optional(pool).await
}

/// One of its pieces, deflated.
pub async fn export_piece(pool: &PgPool, operation: Uuid, number: i32) -> sqlx::Result<Vec<u8>> {
    const SQL: &str = "SELECT content FROM delivery.export_chunks WHERE operation = $1 AND number = $2";
    sqlx::query_scalar(SQL).bind(operation).bind(number).fetch_one(pool).await
}

/// Which list an export has; what is in it is read when it is fetched.
#[derive(Clone, Debug, FromRow)]
pub struct ListExport {
    /// The operation that asked for it.
    pub operation: Uuid,
    /// `records`, `counts` …
    pub kind: String,
    /// `ndjson`, `csv`.
    pub format: String,
    /// The last event that may be in it.
    pub events: i64,
    /// The last attempt that may be in it.
    pub attempts: i64,
    /// The query of the list, sealed; none for all.
    pub query: Option<String>,
    /// The last attempt that can be found.
    pub copied: i64,
}

/// What an export of a list has; none if there is none, or none any more.
pub async fn list_export(pool: &PgPool, operation: Uuid) -> sqlx::Result<Option<ListExport>> {
    const SQL: &str = "SELECT operation, kind, format, events, attempts, query, \
             (SELECT position FROM read_model.audit_copied) AS copied \
         FROM delivery.record_exports WHERE operation = $1 AND expire_time > clock_timestamp()";
    sqlx::query_as(SQL).bind(operation).fetch_optional(pool).await
}
