//! Telling on NATS how an operation stands now, for those who wait for it. What is not told is found by looking.

use std::{convert::Infallible, error::Error, time::Duration};

use serde_json::Value;

use service::operation::{COLUMNS, Operation, subject};
use sqlx::PgConnection;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

use crate::runner::Sources;

/// While NATS is away, its client takes so many messages and then makes us wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often progress is noted for those who look.
pub(super) const NOTE: Duration = Duration::from_secs(1);

/// How far an operation is.
pub(super) struct Noted {
    pub(super) done: i64,
    pub(super) total: i64,
    pub(super) metadata: Value,
}

/// Tells how the operation stands; after the commit that has changed it.
pub(super) async fn tell(sources: &Sources, registry: &mut PgConnection, id: Uuid) {
    if let Err(error) = publish(sources, registry, id).await {
        tracing::debug!(%id, %error, "a change of an operation was not told");
    }
}

async fn publish(
    sources: &Sources,
    registry: &mut PgConnection,
    id: Uuid,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let sql = format!("SELECT {COLUMNS} FROM read_model.operations WHERE id = $1");
    let operation: Option<Operation> = sqlx::query_as(&sql).bind(id).fetch_optional(registry).await?;
    if let Some(operation) = operation {
        let message = serde_json::to_vec(&operation)?;
        timeout(PATIENCE, sources.jetstream.client().publish(subject(id), message.into())).await??;
    }
    Ok(())
}

const PROGRESS: &str = "UPDATE read_model.operations SET done = $2, total = $3, metadata = $4 WHERE id = $1";

/// Writes the progress down again and again; what is missed is no harm.
pub(super) async fn note<P: Copy>(
    registry: &mut PgConnection,
    sources: &Sources,
    mut latest: watch::Receiver<P>,
    id: Uuid,
    noted: impl Fn(P) -> Noted,
) -> Infallible {
    while latest.changed().await.is_ok() {
        let Noted { done, total, metadata } = noted(*latest.borrow_and_update());
        let query = sqlx::query(PROGRESS).bind(id).bind(done).bind(total.max(done)).bind(metadata);
        match query.execute(&mut *registry).await {
            Ok(_) => tell(sources, registry, id).await,
            Err(error) => tracing::debug!(%error, "the progress of an operation was not noted"),
        }
        sleep(NOTE).await;
    }
    std::future::pending().await
}
