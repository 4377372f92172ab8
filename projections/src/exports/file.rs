//! Files of exports, as they lie in the schema `delivery`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::export::Export;
use serde_json::{Value, json};
use service::deflated::{self, Crc};
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use tokio::{task::spawn_blocking, time};
use uuid::Uuid;

use super::{ExportError, content, end, lists};
use crate::delivery::Delivery;

/// One file may take as much room, in bytes …
const MOST: i64 = 2 << 30;
/// … and all together.
const ALL: i64 = 8 << 30;
/// How often it is looked for what has expired.
const EVERY: Duration = Duration::from_secs(60);

/// A file that is written or was.
#[derive(Clone, Debug, FromRow)]
pub(super) struct File {
    operation: Uuid,
    pub(super) after: i64,
    pub(super) until: i64,
    pub(super) sealed: i64,
    pub(super) position: i64,
    pub(super) chunks: i32,
    records: i64,
    bytes: i64,
    stored: i64,
    sha256: Option<Vec<u8>>,
    expire_time: DateTime<Utc>,
}

const FIND: &str = "SELECT * FROM exports WHERE operation = $1";

const ROOM: &str = "SELECT coalesce(sum(stored), 0)::bigint FROM exports";

const BEGIN: &str = "
INSERT INTO exports (operation, kind, format, after, until, sealed, position, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $4, clock_timestamp() + interval '7 days')
ON CONFLICT (operation) DO UPDATE SET operation = $1 RETURNING *";

/// Only for whoever knows how far it is.
const KEEP: &str = "
UPDATE exports SET position = $4, chunks = chunks + $5, records = records + $6, bytes = bytes + $7, stored = stored + $8
WHERE operation = $1 AND position = $2 AND chunks = $3 RETURNING *";

const ADD: &str = "INSERT INTO export_chunks (operation, number, content) VALUES ($1, $2, $3)";

const CHUNK: &str = "SELECT content FROM export_chunks WHERE operation = $1 AND number = $2";

const FINISH: &str = "UPDATE exports SET crc32 = $2, sha256 = $3 WHERE operation = $1 RETURNING *";

const DROP: &str = "DELETE FROM exports WHERE operation = $1";

/// Who died before an operation was wanted no more has left something behind.
const FORGET: &str = "
DELETE FROM exports AS e WHERE expire_time < clock_timestamp() OR sha256 IS NULL AND EXISTS (
    SELECT FROM read_model.operations AS o WHERE o.id = e.operation AND o.end_time IS NOT NULL)";

impl File {
    pub(super) async fn find(delivery: &Delivery, operation: Uuid) -> sqlx::Result<Option<Self>> {
        sqlx::query_as(FIND).bind(operation).fetch_optional(delivery.pool()).await
    }

    /// An empty one for what is behind the first position, up to the second, of which up to the third is sealed.
    pub(super) async fn begin(
        delivery: &Delivery,
        operation: Uuid,
        export: &Export,
        [after, until, sealed]: [i64; 3],
    ) -> Result<Self, ExportError> {
        let room: i64 = sqlx::query_scalar(ROOM).fetch_one(delivery.pool()).await?;
        if room > ALL {
            return Err(ExportError::NoRoom);
        }
        let query = sqlx::query_as(BEGIN).bind(operation).bind(export.kind.as_str());
        let query = query.bind(export.format.as_str()).bind(after).bind(until).bind(sealed);
        Ok(query.fetch_one(delivery.pool()).await?)
    }

    /// Adds a piece, which was of so many bytes and records, and everything up to this position is in the file.
    pub(super) async fn keep(
        &mut self,
        delivery: &Delivery,
        piece: Option<Vec<u8>>,
        bytes: usize,
        position: i64,
        records: i64,
    ) -> Result<(), ExportError> {
        let size = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let stored = piece.as_ref().map_or(0, |piece| size(piece.len()));
        if self.stored + stored > MOST {
            return Err(ExportError::TooLarge);
        }
        let mut transaction = delivery.pool().begin().await?;
        let kept: Option<Self> = sqlx::query_as(KEEP)
            .bind(self.operation)
            .bind(self.position)
            .bind(self.chunks)
            .bind(position)
            .bind(i32::from(piece.is_some()))
            .bind(records)
            .bind(size(bytes))
            .bind(stored)
            .fetch_optional(&mut *transaction)
            .await?;
        let kept = kept.ok_or(ExportError::Superseded)?;
        if let Some(piece) = piece {
            let add = sqlx::query(ADD).bind(self.operation).bind(self.chunks).bind(piece);
            add.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        *self = kept;
        Ok(())
    }

    /// The last line, if so many records come before it that are not in the file yet.
    pub(super) fn end(&self, export: &Export, records: i64) -> Value {
        end(self.operation, export, [self.after, self.until, self.sealed], self.records + records)
    }

    /// Reads it once more from the beginning and writes down its checksums: nobody gets it before.
    pub(super) async fn finish(self, delivery: &Delivery) -> Result<Self, ExportError> {
        let (mut crc, mut sha256) = (Crc::new(), Sha256::new());
        for number in 0..self.chunks {
            let piece: Vec<u8> = sqlx::query_scalar(CHUNK)
                .bind(self.operation)
                .bind(number)
                .fetch_one(delivery.pool())
                .await?;
            let add = move || {
                let plain = deflated::inflate(&piece)?;
                crc.update(&plain);
                sha256.update(&plain);
                Ok::<_, std::io::Error>((crc, sha256))
            };
            (crc, sha256) = spawn_blocking(add).await.map_err(std::io::Error::other)??;
        }
        let query = sqlx::query_as(FINISH).bind(self.operation).bind(i64::from(crc.sum()));
        let finished = query.bind(sha256.finalize().to_vec()).fetch_optional(delivery.pool()).await?;
        finished.ok_or(ExportError::Superseded)
    }

    /// What the operation has come to; none while it is not complete.
    pub(super) fn response(&self) -> Option<Value> {
        let sha256 = self.sha256.as_ref()?;
        Some(json!({
            "records": self.records,
            "bytes": self.bytes,
            "sha256": sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "from": self.after + 1,
            "to": self.until,
            "content": content(self.operation),
            "expire_time": self.expire_time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        }))
    }
}

/// Nothing is left of it.
pub(super) async fn drop_file(delivery: &Delivery, operation: Uuid) -> sqlx::Result<()> {
    sqlx::query(DROP).bind(operation).execute(delivery.pool()).await.map(drop)
}

/// Forgets files a week after they were asked for, again and again.
pub(crate) async fn forget(delivery: &Delivery) -> std::convert::Infallible {
    loop {
        let files = sqlx::query(FORGET).execute(delivery.pool()).await.map(drop);
        if let Err(error) = files.and(lists::forget(delivery).await) {
            tracing::debug!(%error, "old exports are kept for now");
        }
        time::sleep(EVERY).await;
    }
}
