//! Lists as auditors see them, with all that is personal in clear. No file is kept of them: it is settled what is in them, and whoever
//! serves them to auditors reads them anew whenever the file is fetched. So nobody has to be erased from files.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use event_store::seals::{self, Ledger};
use serde_json::{Value, json};
use sqlx::FromRow;
use tokio::time;
use uuid::Uuid;

use super::{ExportError, ExportProgress, Job, LOOK, PATIENCE, content};
use crate::delivery::Delivery;

/// How far the copy of the audit log is that auditors search.
const COPIED: &str = "SELECT position FROM read_model.audit_copied";

const SETTLE: &str = "
INSERT INTO record_exports (operation, kind, format, events, attempts, query, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + interval '7 days')
ON CONFLICT (operation) DO UPDATE SET operation = $1 RETURNING events, attempts, expire_time";

const FORGET: &str = "DELETE FROM record_exports WHERE expire_time < clock_timestamp()";

#[derive(FromRow)]
struct Settled {
    events: i64,
    attempts: i64,
    expire_time: DateTime<Utc>,
}

/// Settles once and for all what is asked for: what there is by now and passes.
pub(super) async fn settle(job: &Job<'_>) -> Result<Value, ExportError> {
    let events = seals::head(job.log, Ledger::Events).await?;
    let attempts = copied(job).await?;
    let settled: Settled = sqlx::query_as(SETTLE)
        .bind(job.operation)
        .bind(job.export.kind.as_str())
        .bind(job.export.format.as_str())
        .bind(events)
        .bind(attempts)
        .bind(job.export.query.as_ref().map(|query| query.0.as_str()))
        .fetch_one(job.delivery.pool())
        .await?;
    let total = settled.events + settled.attempts;
    job.told.send_replace(ExportProgress { done: total, total });
    Ok(response(job.operation, &settled))
}

fn response(operation: Uuid, settled: &Settled) -> Value {
    json!({
        "events_to": settled.events,
        "attempts_to": settled.attempts,
        "content": content(operation),
        "expire_time": settled.expire_time.to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}

/// Waits until what is in the audit log can be searched, but not for ever.
async fn copied(job: &Job<'_>) -> Result<i64, ExportError> {
    let (head, begun) = (seals::head(job.log, Ledger::Audit).await?, Instant::now());
    loop {
        let copied: i64 = sqlx::query_scalar(COPIED).fetch_one(job.delivery.pool()).await?;
        if copied >= head || begun.elapsed() > PATIENCE {
            return Ok(copied.min(head));
        }
        if job.cancel.is_cancelled() {
            return Err(ExportError::Cancelled);
        }
        time::sleep(LOOK).await;
    }
}

/// Forgets those that were asked for a week ago.
pub(super) async fn forget(delivery: &Delivery) -> sqlx::Result<()> {
    sqlx::query(FORGET).execute(delivery.pool()).await.map(drop)
}
