//! Doing what was asked for.

use std::{sync::Arc, time::Duration};

use domain::{
    operation::{OperationKind, Requested},
    task::values::Reason,
};
use event_store::LogError;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{
    sync::watch,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    export,
    news::{self, NOTE, Noted},
    requests::Operation,
};
use crate::{
    deliveries::{self, SteerError},
    delivery::Delivery,
    exports::ExportError,
    parked::{self, ReplayError, Replayed},
    projector::Projector,
    rebuild::{self, RebuildError, RebuildProgress, Rebuilt},
    runner::Sources,
};

/// Not a failure: it was wanted no more.
const CANCELLED: &str = "CANCELLED";

/// Why an operation failed, as clients see it.
pub(super) struct Failure {
    code: &'static str,
    detail: String,
}

impl Failure {
    fn new(code: &'static str, detail: impl ToString) -> Self {
        Self { code, detail: detail.to_string() }
    }
}

impl From<RebuildError> for Failure {
    fn from(error: RebuildError) -> Self {
        let code = match &error {
            RebuildError::Unknown(_) | RebuildError::NotMigrated => "NOT_FOUND",
            RebuildError::AlreadyRunning => "ALREADY_RUNNING",
            RebuildError::Different(_) => "DIFFERENCES",
            RebuildError::TooMuchParked(_) => "TOO_MUCH_PARKED",
            RebuildError::LeaseLost | RebuildError::OtherLog => "INTERRUPTED",
            RebuildError::Cancelled => CANCELLED,
            RebuildError::Apply(_) | RebuildError::Log(_) => return internal(&error),
        };
        Self::new(code, error)
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        match &error {
            ReplayError::NotParked | ReplayError::NotLive => Self::new("NOT_FOUND", error),
            ReplayError::Log(_) | ReplayError::Tables(_) => internal(&error),
        }
    }
}

impl From<SteerError> for Failure {
    fn from(error: SteerError) -> Self {
        match &error {
            SteerError::Unknown => Self::new("NOT_FOUND", error),
            SteerError::Ended(_) => Self::new("ENDED", error),
            SteerError::UnderWay => Self::new("UNDER_WAY", error),
            SteerError::Tables(_) => internal(&error),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let code = match &error {
            ExportError::Cancelled => CANCELLED,
            ExportError::TooLarge | ExportError::NoRoom => "TOO_LARGE",
            ExportError::Broken(_)
            | ExportError::Missing(_)
            | ExportError::Unreadable { .. }
            | ExportError::Log(LogError::Damaged { .. }) => "INTEGRITY_BROKEN",
            ExportError::Superseded
            | ExportError::Packing(_)
            | ExportError::Log(_)
            | ExportError::Tables(_) => return internal(&error),
        };
        Self::new(code, error)
    }
}

/// Operators read the cause in the service's own log.
fn internal(error: &dyn std::error::Error) -> Failure {
    tracing::error!(%error, "an operation failed");
    Failure::new("INTERNAL", "see the log of the projections service")
}

/// What was noted last on the way may be long past.
const DONE: &str = "
UPDATE read_model.operations SET state = 'done', end_time = clock_timestamp(), response = $2, metadata = '{}',
    done = coalesce(($2 ->> 'events')::bigint, total), total = coalesce(($2 ->> 'events')::bigint, total)
WHERE id = $1";

const FAILED: &str = "
UPDATE read_model.operations SET state = 'failed', end_time = clock_timestamp(), error = $2 WHERE id = $1";

const STOPPED: &str = "
UPDATE read_model.operations SET state = 'cancelled', end_time = clock_timestamp(), metadata = $2 WHERE id = $1";

/// Does it and writes down what came of it.
pub(super) async fn carry_out(
    registry: &mut PgConnection,
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    delivery: &Delivery,
    operation: &Operation,
    cancel: CancellationToken,
) -> sqlx::Result<()> {
    let (id, kind, subject) = (operation.id, operation.request.kind.as_str(), &operation.request.subject);
    tracing::info!(%id, kind, subject, "an operation begins");
    let (sql, outcome) = match attempt(registry, projectors, sources, delivery, operation, cancel).await {
        Ok(response) => (DONE, response),
        Err(Failure { code: CANCELLED, .. }) => (STOPPED, json!({})),
        Err(Failure { code, detail }) => {
            tracing::warn!(%id, kind, subject, code, "an operation failed");
            (FAILED, json!({ "code": code, "detail": detail }))
        }
    };
    sqlx::query(sql).bind(id).bind(outcome).execute(registry).await?;
    Ok(())
}

async fn attempt(
    registry: &mut PgConnection,
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    delivery: &Delivery,
    operation: &Operation,
    cancel: CancellationToken,
) -> Result<Value, Failure> {
    if cancel.is_cancelled() {
        return Err(RebuildError::Cancelled.into());
    }
    let Requested { kind, subject, deliveries: meant, reason, export } = &operation.request;
    let (collection, name) = subject.split_once('/').unwrap_or((subject, ""));
    match (kind, collection) {
        (OperationKind::Rebuild, "projections") => {
            let projector = named(projectors, name).ok_or_else(|| RebuildError::Unknown(name.into()))?;
            rebuild(registry, projector, sources, operation, cancel).await
        }
        (OperationKind::ReplayParked, "parked-events") => {
            resolve(registry, projectors, sources, name, false).await
        }
        (OperationKind::DiscardParked, "parked-events") => {
            resolve(registry, projectors, sources, name, true).await
        }
        (OperationKind::RetryDeliveries, "deliveries") => match meant {
            Some(meant) => Ok(json!({ "deliveries": deliveries::retry_all(delivery, meant).await? })),
            None => Ok(json!({ "deliveries": deliveries::retry(delivery, delivery_id(name)?).await? })),
        },
        (OperationKind::SkipDeliveries, "deliveries") => {
            let reason = reason.as_ref().map_or("an operator skipped it", Reason::as_str);
            match meant {
                Some(meant) => {
                    Ok(json!({ "deliveries": deliveries::skip_all(delivery, meant, reason).await? }))
                }
                None => {
                    Ok(json!({ "deliveries": deliveries::skip(delivery, delivery_id(name)?, reason).await? }))
                }
            }
        }
        (OperationKind::Export, _) => match export {
            Some(export) => {
                export::carry_out(registry, sources, delivery, operation.id, export, cancel).await
            }
            None => Err(unknown(subject)),
        },
        (
            OperationKind::Rebuild
            | OperationKind::ReplayParked
            | OperationKind::DiscardParked
            | OperationKind::RetryDeliveries
            | OperationKind::SkipDeliveries,
            _,
        ) => Err(unknown(subject)),
    }
}

fn unknown(what: &str) -> Failure {
    Failure::new("UNKNOWN_OPERATION", format!("nobody here knows what to do about {what:?}"))
}

fn delivery_id(name: &str) -> Result<Uuid, SteerError> {
    name.parse().map_err(|_| SteerError::Unknown)
}

fn named<'a>(projectors: &'a [Arc<dyn Projector>], name: &str) -> Option<&'a dyn Projector> {
    projectors.iter().find(|projector| projector.projection().name == name).map(|found| &**found)
}

async fn rebuild(
    registry: &mut PgConnection,
    projector: &dyn Projector,
    sources: &Sources,
    operation: &Operation,
    cancel: CancellationToken,
) -> Result<Value, Failure> {
    let options = rebuild::Options { cancel, ..rebuild::Options::default() };
    // What a dead process left half built is in the way for as long as its lease lasts.
    let patience = if operation.again { options.lease } else { Duration::ZERO };
    let until = Instant::now() + patience;
    loop {
        match rebuild_once(registry, projector, sources, &options, operation).await {
            Err(RebuildError::AlreadyRunning) if Instant::now() < until => time::sleep(NOTE).await,
            rebuilt => {
                let Rebuilt { version, events, .. } = rebuilt?;
                return Ok(json!({ "version": version, "events": events }));
            }
        }
    }
}

async fn rebuild_once(
    registry: &mut PgConnection,
    projector: &dyn Projector,
    sources: &Sources,
    options: &rebuild::Options,
    operation: &Operation,
) -> Result<Rebuilt, RebuildError> {
    let (told, latest) = watch::channel(RebuildProgress::default());
    tokio::select! {
        rebuilt = rebuild::rebuild(projector, sources, options, &told) => rebuilt,
        never = news::note(registry, sources, latest, operation.id, noted) => match never {},
    }
}

fn noted(progress: RebuildProgress) -> Noted {
    let remaining = progress.remaining.map(|left| left.as_secs());
    let metadata = json!({
        "phase": progress.phase.as_str(), "rate": progress.rate.round(), "remaining_seconds": remaining,
    });
    Noted { done: progress.done, total: progress.total, metadata }
}

const PARKED_IN: &str = "SELECT projection FROM read_model.parked_events WHERE id = $1";

async fn resolve(
    registry: &mut PgConnection,
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    id: &str,
    give_up: bool,
) -> Result<Value, Failure> {
    let id: i64 = id.parse().map_err(|_| ReplayError::NotParked)?;
    let projection: Option<String> = sqlx::query_scalar(PARKED_IN)
        .bind(id)
        .fetch_optional(registry)
        .await
        .map_err(|error| internal(&error))?;
    let projector = projection.and_then(|name| named(projectors, &name)).ok_or(ReplayError::NotParked)?;
    let Replayed { applied, left } = match give_up {
        true => parked::discard(projector, sources, id).await?,
        false => parked::replay(projector, sources, id).await?,
    };
    Ok(json!({ "applied": applied, "left": left }))
}
