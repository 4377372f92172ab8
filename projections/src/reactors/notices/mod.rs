//! Notices about tasks: who is told of an event is decided by the rules, the task and the people as they are then.
//!
//! What is told inside the product is written down at once; mails and pushes are deliveries; what somebody wants once a day
//! waits as deliveries on the channel `digest`, which [`digest`] makes one mail of.

mod batch;
pub mod digest;
mod inbox;
mod names;
mod news;

use std::sync::Arc;

use async_nats::Client;
use domain::{
    inbox::InboxEvent,
    notification::{Channel, ChannelSet},
    notification_rule::NotificationRuleEvent,
    task::TaskEvent,
    time::Timestamp,
    user::UserEvent,
};
use event_store::{Log, Sealer, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::{ReactError, Reactor};
use crate::deliveries::NewDelivery;

use batch::Batch;
use news::News;

/// The reactor's name, under which it keeps its states.
pub const NAME: &str = "notices";

/// The reactor.
#[derive(Debug)]
pub struct Notices {
    log: Log,
    sealer: Arc<Sealer>,
    channels: ChannelSet,
    clock: fn() -> Timestamp,
    news: News,
}

impl Notices {
    /// Tells people by those ways for which there is a channel, and inside the product. Quiet hours and digests go by the
    /// clock.
    pub fn new(log: Log, sealer: Arc<Sealer>, channels: &[&str], clock: fn() -> Timestamp) -> Self {
        let there = |channel: &Channel| *channel == Channel::Inbox || channels.contains(&channel.as_str());
        let channels = Channel::ALL.iter().copied().filter(there).collect();
        Self { log, sealer, channels, clock, news: News::default() }
    }
}

impl Reactor for Notices {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Newer programs write events that this one does not know: they are not our business.
    fn concerns(&self, event: &Envelope) -> bool {
        let types = match event.aggregate_type.as_str() {
            "task" => TaskEvent::TYPES,
            "user" => UserEvent::TYPES,
            "notification_rule" => NotificationRuleEvent::TYPES,
            "inbox" => InboxEvent::TYPES,
            _ => return false,
        };
        types.iter().any(|(name, _)| *name == event.event_type)
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(async move {
            let mut batch = Batch::read(self, tables, events).await?;
            for at in events {
                batch.take(at).await?;
            }
            self.news.keep(batch.changed_inboxes(events));
            batch.write(tables).await
        })
    }

    fn committed<'a>(&'a self, nats: &'a Client) -> BoxFuture<'a, ()> {
        Box::pin(self.news.tell(nats))
    }
}
