//! Numbers for task keys.

use std::ops::Range;

use domain::ids::TaskKey;
use sqlx::PgPool;
use tokio::{sync::Mutex, task::JoinHandle};

use crate::LogError;

/// How many keys the database hands out at a time (the sequence's increment).
const BLOCK: i64 = 100;

/// Hands out task keys from blocks held in memory; what a process leaves of its last blocks is a gap for good.
#[derive(Debug)]
pub struct TaskKeys {
    pool: PgPool,
    blocks: Mutex<Blocks>,
}

#[derive(Debug)]
struct Blocks {
    left: Range<i64>,
    /// The next block, asked for when half of this one is gone, so that nobody waits for it.
    coming: Option<JoinHandle<Result<i64, sqlx::Error>>>,
}

impl TaskKeys {
    /// Takes its blocks through this pool.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, blocks: Mutex::new(Blocks { left: 0..0, coming: None }) }
    }

    /// The next key, never handed out before; one round trip for every hundred, ahead of need.
    pub async fn next(&self) -> Result<TaskKey, LogError> {
        let mut blocks = self.blocks.lock().await;
        if blocks.left.is_empty() {
            let first = match blocks.coming.take() {
                Some(coming) => coming.await.map_err(|failed| sqlx::Error::Io(failed.into()))?,
                None => fetch(self.pool.clone()).await,
            }?;
            blocks.left = first..first + BLOCK;
        }
        if blocks.left.end - blocks.left.start == BLOCK / 2 {
            blocks.coming = Some(tokio::spawn(fetch(self.pool.clone())));
        }
        blocks.left.next().map(TaskKey).ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}

async fn fetch(pool: PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT nextval('event_store.task_key_blocks')").fetch_one(&pool).await
}
