//! Exports as operations.

use domain::export::Export;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    carry_out::Failure,
    news::{self, Noted},
};
use crate::{
    delivery::Delivery,
    exports::{self, ExportProgress, Job},
    runner::Sources,
};

/// What was counted last, also where nobody had the time to note it.
const COUNTED: &str = "UPDATE read_model.operations SET done = $2, total = $2 WHERE id = $1";

/// Makes the file; what it has become is the operation's response.
pub(super) async fn carry_out(
    registry: &mut PgConnection,
    sources: &Sources,
    delivery: &Delivery,
    operation: Uuid,
    export: &Export,
    cancel: CancellationToken,
) -> Result<Value, Failure> {
    let (told, latest) = watch::channel(ExportProgress::default());
    let log = sources.log.pool();
    let job = Job { log, delivery, operation, export, cancel: &cancel, told: &told };
    let made = tokio::select! {
        made = exports::carry_out(&job) => made?,
        never = news::note(registry, sources, latest, operation, noted) => match never {},
    };
    let total = told.borrow().total;
    let counted = sqlx::query(COUNTED).bind(operation).bind(total).execute(registry).await;
    counted.map_err(exports::ExportError::from)?;
    Ok(made)
}

fn noted(progress: ExportProgress) -> Noted {
    Noted { done: progress.done, total: progress.total, metadata: json!({}) }
}
