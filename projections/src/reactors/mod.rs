//! Reactors: which events are to have an effect outside, decided as of the event.
//!
//! A reactor folds small tables of its own in the schema `delivery` and turns events into deliveries. Its tables, the
//! deliveries and its checkpoint move in one transaction, so each event is decided on once, whatever dies; carrying them out
//! is the business of [`deliveries`](crate::deliveries).

pub mod account_mails;
pub mod alerts;
pub mod announcements;
mod checkpoint;
pub mod interface;
pub mod notices;
mod reached;
mod runner;
mod states;
pub mod webhooks;

use std::{future::ready, sync::Arc};

use async_nats::Client;
use domain::{
    notification::{Channel, ChannelSet},
    time::{TimeZone, Timestamp},
};
use event_store::{Log, LogError, SealError, Sealer, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use crate::{deliveries::NewDelivery, processes::Processes};

pub use reached::ReachError;
pub(crate) use reached::knows;
pub use runner::{LEASE, Sources, run};
pub use states::{StateError, States};

/// Decides what goes to the outside. It never calls the outside itself.
pub trait Reactor: Send + Sync {
    /// Its row in `delivery.checkpoints`.
    fn name(&self) -> &'static str;

    /// Where it begins when it comes to a log with a past.
    fn begins(&self) -> Begins {
        Begins::WithTheLog
    }

    /// Whether the event is any of its business; others are passed over without a transaction.
    fn concerns(&self, event: &Envelope) -> bool;

    /// Takes these events into its tables, in order, and decides on each as of then.
    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>>;

    /// Tells those who wait that what it has decided last is committed. What is not told they find by looking.
    fn committed<'a>(&'a self, _nats: &'a Client) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

/// Where a new reactor begins; one that was there before goes on from where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With the first event there is.
    WithTheLog,
    /// With what happens from now on: it need not know anything that was before.
    Now,
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
    /// A name that it needs cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Nobody can say how far it has come.
    #[error(transparent)]
    Reached(#[from] ReachError),
    /// What it has decided cannot be written down.
    #[error("a delivery cannot be written down: {0}")]
    Payload(#[from] serde_json::Error),
}

/// What reactors are made of.
#[derive(Debug)]
pub struct Means<'a> {
    /// Where states come from that were written by a program before this one.
    pub log: Log,
    /// Opens names that comments may mean.
    pub sealer: Arc<Sealer>,
    /// The names of the channels that there are.
    pub channels: &'a [&'a str],
    /// What quiet hours and digests go by.
    pub clock: fn() -> Timestamp,
    /// Where days begin on which tasks are due.
    pub zone: TimeZone,
}

/// All reactors.
pub fn reactors(means: Means<'_>) -> Vec<Arc<dyn Reactor>> {
    let Means { log, sealer, channels, clock, zone } = means;
    let webhooks = webhooks::Webhooks::new(&log);
    let ways = ways(channels);
    let announcements = announcements::Announcements::new(log.clone(), ways, clock);
    let alerts = alerts::Alerts::new(log.clone(), ways);
    let notices = notices::Notices::new(log, sealer, ways, (clock, zone));
    vec![
        Arc::new(account_mails::AccountMails),
        Arc::new(notices),
        Arc::new(announcements),
        Arc::new(alerts),
        Arc::new(Processes),
        Arc::new(webhooks),
    ]
}

/// The ways for which there is a channel, and inside the product.
pub(crate) fn ways(channels: &[&str]) -> ChannelSet {
    let there = |channel: &Channel| *channel == Channel::Inbox || channels.contains(&channel.as_str());
    Channel::ALL.iter().copied().filter(there).collect()
}
