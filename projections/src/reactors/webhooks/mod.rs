//! Webhooks: for every event that an endpoint wants, a delivery.
//!
//! Endpoints that keep up share this one pass over the log: what they want is decided when it happens. An endpoint that was
//! paused or disabled, or has too much on its way, falls behind: its place in the log is noted, and once it can go on
//! [`readers`](reader) take it from there back to this pass. So nobody waits for anybody, and nothing is lost.

mod fold;
mod reader;
mod readings;
mod wanted;
mod window;

use std::sync::Arc;

use event_store::{Log, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::{ReactError, Reactor};
use crate::{
    deliveries::NewDelivery,
    webhooks::{Endpoint, Judge, Route, at_head},
};

pub use reader::read;
use wanted::Wanted;
use window::Windows;

/// Its row in `delivery.checkpoints`.
const NAME: &str = "webhooks";

/// The reactor.
#[derive(Debug)]
pub struct Webhooks {
    log: Log,
    judge: Judge,
    wanted: Wanted,
}

impl Webhooks {
    /// Tasks and owners are judged by what this log says.
    pub fn new(log: &Log) -> Self {
        Self { log: log.clone(), judge: Judge::new(log), wanted: Wanted::default() }
    }

    async fn decide(
        &self,
        tables: &mut PgConnection,
        events: &[Arc<Envelope>],
    ) -> Result<Vec<NewDelivery>, ReactError> {
        let mut endpoints = at_head(tables).await?;
        let mut windows = Windows::of(tables, &endpoints).await?;
        let mut decided = Vec::new();
        for event in events {
            if fold::is_of_webhook(event) {
                decided.extend(fold::take(tables, &self.log, event).await?);
                endpoints = at_head(tables).await?;
                continue;
            }
            let mut fallen = Vec::new();
            for endpoint in &endpoints {
                if !self.judge.wants(endpoint, event).await? {
                    continue;
                }
                if windows.take(endpoint.id) {
                    decided.push(endpoint.delivery(event, endpoint.id.into())?);
                } else {
                    fall_behind(tables, endpoint, event.position - 1).await?;
                    fallen.push(endpoint.id);
                }
            }
            endpoints.retain(|endpoint| !fallen.contains(&endpoint.id));
        }
        self.wanted.learn(tables).await?;
        Ok(decided)
    }
}

async fn fall_behind(tables: &mut PgConnection, endpoint: &Endpoint, at: i64) -> sqlx::Result<()> {
    tracing::info!(webhook = %endpoint.id, position = at, "too much is on its way: the log waits");
    readings::begin(tables, Route::from(endpoint.id), at, None).await
}

impl Reactor for Webhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn concerns(&self, event: &Envelope) -> bool {
        if fold::is_of_webhook(event) {
            self.wanted.forget(event.position);
            return true;
        }
        self.wanted.names(event) && Judge::is_public(event)
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(self.decide(tables, events))
    }
}
