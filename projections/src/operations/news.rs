//! Telling on NATS how an operation stands now, for those who wait for it. What is not told is found by looking.

use std::{error::Error, time::Duration};

use service::operation::{COLUMNS, Operation, subject};
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;

use crate::runner::Sources;

/// While NATS is away, its client takes so many messages and then makes us wait.
const PATIENCE: Duration = Duration::from_secs(1);

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
