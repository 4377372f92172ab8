//! An operation and what becomes of it, for those who wait.

use std::time::Duration;

use service::{
    operation::Operation,
    problem::{Code, Problem},
};
use sqlx::PgPool;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{ReadApi, progress::NewsOf, queries};

/// An operation as it was seen last.
#[derive(Debug)]
pub(crate) struct Watched {
    operation: Operation,
    pool: PgPool,
    news: NewsOf,
}

impl Watched {
    /// The operation, if there is one.
    pub(crate) async fn find(api: &ReadApi, id: Uuid) -> sqlx::Result<Option<Self>> {
        // Before it is read: what changes meanwhile is heard of.
        let (pool, news) = (api.points.clone(), api.progress.operation(id));
        let operation = queries::operation(&pool, id).await?;
        Ok(operation.map(|operation| Self { operation, pool, news }))
    }

    /// As it was seen last.
    pub(crate) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Waits until it looks different; an error if it is there no more. While the read model does not answer it has not changed.
    pub(crate) async fn change(&mut self) -> Result<&Operation, Problem> {
        loop {
            self.news.stir().await;
            match queries::operation(&self.pool, self.operation.id()).await {
                Ok(None) => return Err(Code::NotFound.into()),
                Ok(Some(now)) if now != self.operation => {
                    self.operation = now;
                    return Ok(&self.operation);
                }
                Ok(Some(_)) => {}
                Err(error) => tracing::debug!(%error, "an operation cannot be looked at"),
            }
        }
    }

    /// Waits for its end, or for so long.
    pub(crate) async fn end_within(&mut self, limit: Duration) -> Result<(), Problem> {
        let until = Instant::now() + limit;
        while !self.operation.has_ended() {
            match timeout_at(until, self.change()).await {
                Ok(changed) => drop(changed?),
                Err(_time_is_up) => break,
            }
        }
        Ok(())
    }
}
