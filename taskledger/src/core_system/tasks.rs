//! `GET /tasks/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use uuid::Uuid;

use super::{CoreSystem, Trouble, store::Taken};

/// A task as the core system knows it.
#[derive(Debug, Serialize)]
pub(super) struct Known {
    id: Uuid,
    version: i64,
    changes: Vec<Taken>,
}

/// What it was told of a task.
pub(super) async fn show(
    State(core): State<CoreSystem>,
    Path(id): Path<Uuid>,
) -> Result<Json<Known>, Trouble> {
    let (version, changes) = (core.store.version(id).await?, core.store.changes(id).await?);
    Ok(Json(Known { id, version, changes }))
}
