//! The copy of the audit log that auditors search: what was refused or read, with addresses in clear.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::personal::Sealed;
use event_store::{Log, LogError, SealError, Sealer, Unsealed};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::connect::ReadModel;

/// Rows of one transaction at most.
const BATCH: i64 = 500;
/// Rows come about once a second.
const LOOK: Duration = Duration::from_millis(500);

/// Why nothing could be copied this time.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Copies until told to stop. Several may: each takes the place up where it finds it.
pub async fn run(log: Log, sealer: Arc<Sealer>, read_model: ReadModel, stop: CancellationToken) {
    let copy = Copy { log, sealer, read_model: read_model.look_ups().clone() };
    while !stop.is_cancelled() {
        match copy.some().await {
            Ok(BATCH..) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the audit log cannot be copied, trying again"),
        }
        // Told to stop is as good as waited long enough.
        let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
    }
}

struct Copy {
    log: Log,
    sealer: Arc<Sealer>,
    read_model: PgPool,
}

/// A row of the audit log; personal texts are sealed.
#[derive(sqlx::FromRow)]
struct Attempt {
    position: i64,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    action: String,
    outcome: String,
    status: Option<i32>,
    code: Option<String>,
    actor_type: String,
    actor: Option<Uuid>,
    session: Option<Uuid>,
    request_id: Uuid,
    correlation_id: Uuid,
    trace_id: Option<String>,
    method: Option<String>,
    route: Option<String>,
    target_type: Option<String>,
    target_id: Option<String>,
    key_hash: Option<String>,
    count: i32,
    ip: Option<String>,
    user_agent: Option<String>,
    query: Option<String>,
}

const READ: &str = "
SELECT position, occurred_at, recorded_at, action, outcome, status, code, coalesce(actor_type, 'anonymous') AS actor_type,
    actor, session, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash, count, ip,
    user_agent, query
FROM event_store.audit_log WHERE position > $1 ORDER BY position LIMIT $2";

const REACHED: &str = "SELECT position, epoch FROM read_model.audit_copied";
const LOCK: &str =
    "SELECT position FROM read_model.audit_copied WHERE epoch IS NOT DISTINCT FROM $1 FOR UPDATE";
const MOVE: &str = "UPDATE read_model.audit_copied SET position = $1";
const BEGIN_AGAIN: &str = "
WITH other AS (UPDATE read_model.audit_copied SET position = 0, epoch = $1 WHERE epoch IS DISTINCT FROM $1 RETURNING 1)
DELETE FROM read_model.audit_attempts WHERE EXISTS (SELECT FROM other)";

const INSERT: &str = "
INSERT INTO read_model.audit_attempts (position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor,
    session, request, correlation, trace, method, route, target_type, target, target_key, key_hash, count, ip, user_agent,
    query)
SELECT position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, session, request, correlation,
    trace, method, route, target_type, target, target_key, key_hash, count, ip::inet, user_agent, query
FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::text[],
    $8::text[], $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::uuid[], $18::text[], $19::text[], $20::integer[], $21::text[], $22::text[], $23::text[])
    AS a (position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, session, request,
        correlation, trace, method, route, target_type, target, target_key, key_hash, count, ip, user_agent, query)";

impl Copy {
    /// Copies what is next, and says how much that was.
    async fn some(&self) -> Result<i64, Setback> {
        let epoch = self.log.epoch().await?;
        let (reached, of): (i64, Option<Uuid>) = sqlx::query_as(REACHED).fetch_one(&self.read_model).await?;
        if of != Some(epoch) {
            sqlx::query(BEGIN_AGAIN).bind(epoch).execute(&self.read_model).await?;
            return Ok(BATCH);
        }
        let mut rows: Vec<Attempt> =
            sqlx::query_as(READ).bind(reached).bind(BATCH).fetch_all(self.log.pool()).await?;
        let Some(last) = rows.last().map(|row| row.position) else { return Ok(0) };
        self.open(&mut rows).await?;
        let mut transaction = self.read_model.begin().await?;
        let now: Option<i64> = sqlx::query_scalar(LOCK).bind(epoch).fetch_optional(&mut *transaction).await?;
        // Else somebody else was first.
        if now == Some(reached) {
            insert(&mut transaction, &rows).await?;
            sqlx::query(MOVE).bind(last).execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        Ok(i64::try_from(rows.len()).unwrap_or(BATCH))
    }

    /// Personal texts in clear, or nothing of those who are erased.
    async fn open(&self, rows: &mut [Attempt]) -> Result<(), SealError> {
        let mut fields: Vec<&mut Option<String>> =
            rows.iter_mut().flat_map(|row| [&mut row.ip, &mut row.user_agent, &mut row.query]).collect();
        fields.retain(|field| field.is_some());
        let texts: Vec<Sealed> =
            fields.iter().filter_map(|field| field.as_deref()).map(|text| Sealed(text.to_owned())).collect();
        let opened = self.sealer.unseal_all(&texts).await?;
        for (field, opened) in fields.into_iter().zip(opened.into_iter().map(Unsealed::clear)) {
            *field = opened;
        }
        Ok(())
    }
}

impl Attempt {
    /// The target as an id, or as what else the path called it.
    fn target(&self) -> Result<Option<Uuid>, &str> {
        match self.target_id.as_deref() {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| text),
        }
    }
}

async fn insert(tables: &mut sqlx::PgConnection, rows: &[Attempt]) -> sqlx::Result<()> {
    fn all<'a, T>(rows: &'a [Attempt], field: impl Fn(&'a Attempt) -> T) -> Vec<T> {
        rows.iter().map(field).collect()
    }
    let address =
        |row: &Attempt| row.ip.as_deref().filter(|ip| ip.parse::<IpAddr>().is_ok()).map(str::to_owned);
    sqlx::query(INSERT)
        .bind(all(rows, |row| row.position))
        .bind(all(rows, |row| row.occurred_at))
        .bind(all(rows, |row| row.recorded_at))
        .bind(all(rows, |row| row.action.as_str()))
        .bind(all(rows, |row| row.outcome.as_str()))
        .bind(all(rows, |row| row.status))
        .bind(all(rows, |row| row.code.as_deref()))
        .bind(all(rows, |row| row.actor_type.as_str()))
        .bind(all(rows, |row| row.actor))
        .bind(all(rows, |row| row.session))
        .bind(all(rows, |row| row.request_id))
        .bind(all(rows, |row| row.correlation_id))
        .bind(all(rows, |row| row.trace_id.as_deref()))
        .bind(all(rows, |row| row.method.as_deref()))
        .bind(all(rows, |row| row.route.as_deref()))
        .bind(all(rows, |row| row.target_type.as_deref()))
        .bind(all(rows, |row| row.target().ok().flatten()))
        .bind(all(rows, |row| row.target().err()))
        .bind(all(rows, |row| row.key_hash.as_deref()))
        .bind(all(rows, |row| row.count))
        .bind(all(rows, address))
        .bind(all(rows, |row| row.user_agent.as_deref()))
        .bind(all(rows, |row| row.query.as_deref()))
        .execute(tables)
        .await?;
    Ok(())
}
