//! Single tasks by id or key, read together with those that others want at the same moment.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Coalescer, ReadError,
    task_row::{TASK_COLUMNS, TaskRow},
};
use crate::model::Task;

/// A task as it stands, rendered once for all who asked.
#[derive(Debug)]
pub struct TaskSnapshot {
    /// The task.
    pub task: Task,
    /// Position of its last event.
    pub position: i64,
    /// The task as JSON.
    pub body: Bytes,
}

/// Reads single tasks.
pub struct TaskReader {
    by_id: Coalescer<Uuid, Arc<TaskSnapshot>>,
    by_key: Coalescer<i64, Arc<TaskSnapshot>>,
}

impl TaskReader {
    /// Reads through this pool.
    pub fn new(pool: &PgPool) -> Self {
        let (ids, keys) = (pool.clone(), pool.clone());
        Self {
            by_id: Coalescer::new(move |wanted| tasks_by_id(ids.clone(), wanted)),
            by_key: Coalescer::new(move |wanted| tasks_by_key(keys.clone(), wanted)),
        }
    }

    /// The task with this id, whoever may see it.
    pub async fn by_id(&self, id: Uuid) -> Result<Option<Arc<TaskSnapshot>>, ReadError> {
        self.by_id.get(id).await
    }

    /// The task with this number (123 of `T-123`), whoever may see it.
    pub async fn by_key(&self, key: i64) -> Result<Option<Arc<TaskSnapshot>>, ReadError> {
        self.by_key.get(key).await
    }
}

async fn tasks_by_id(pool: PgPool, ids: Vec<Uuid>) -> sqlx::Result<HashMap<Uuid, Arc<TaskSnapshot>>> {
    let sql = format!("SELECT {TASK_COLUMNS} FROM read_model.tasks t WHERE t.id = ANY($1)");
    let rows: Vec<TaskRow> = sqlx::query_as(&sql).bind(ids).fetch_all(&pool).await?;
    rows.into_iter().map(|row| Ok((row.task.id, snapshot(row)?))).collect()
}

async fn tasks_by_key(pool: PgPool, keys: Vec<i64>) -> sqlx::Result<HashMap<i64, Arc<TaskSnapshot>>> {
    let sql = format!("SELECT {TASK_COLUMNS} FROM read_model.tasks t WHERE t.key = ANY($1)");
    let rows: Vec<TaskRow> = sqlx::query_as(&sql).bind(keys).fetch_all(&pool).await?;
    rows.into_iter().map(|row| Ok((row.task.key.0, snapshot(row)?))).collect()
}

fn snapshot(TaskRow { task, position }: TaskRow) -> sqlx::Result<Arc<TaskSnapshot>> {
    let body = serde_json::to_vec(&task).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(Arc::new(TaskSnapshot { task, position, body: body.into() }))
}
