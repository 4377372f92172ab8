//! Reactors: which events are to have an effect outside, decided as of the event.
//!
//! A reactor folds small tables of its own in the schema `delivery` and turns events into deliveries. Its tables, the
//! deliveries and its checkpoint move in one transaction, so each event is decided on once, whatever dies; carrying them out
//! is the business of [`deliveries`](crate::deliveries).

pub mod account_mails;
mod checkpoint;
mod runner;
mod states;
pub mod webhooks;

use std::sync::Arc;

use event_store::{Log, LogError, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use crate::{deliveries::NewDelivery, processes::Processes};

pub use runner::{LEASE, Sources, run};
pub use states::{StateError, States};

/// Decides what goes to the outside. It never calls the outside itself.
pub trait Reactor: Send + Sync {
    /// Its row in `delivery.checkpoints`.
    fn name(&self) -> &'static str;

    /// Whether the event is any of its business; others are passed over without a transaction.
    fn concerns(&self, event: &Envelope) -> bool;

    /// Takes these events into its tables, in order, and decides on each as of then.
    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>>;
}

/// Why a reactor could not decide; it is asked again.
#[derive(Debug, thiserror::Error)]
pub enum ReactError {
    /// Its tables cannot be read or written.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The states that it keeps cannot be had.
    #[error(transparent)]
    States(#[from] StateError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What it has decided cannot be written down.
    #[error("a delivery cannot be written down: {0}")]
    Payload(#[from] serde_json::Error),
}

/// All reactors; what they do not keep themselves they look up in this log.
pub fn reactors(log: &Log) -> Vec<Arc<dyn Reactor>> {
    vec![Arc::new(account_mails::AccountMails), Arc::new(Processes), Arc::new(webhooks::Webhooks::new(log))]
}
