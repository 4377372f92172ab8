//! Announcements: kept as they stand, sent when their time has come, told to each recipient once.
//!
//! [`Sender`] looks at the clock: it settles who is told, and asks for the command that says so. The event that follows decides:
//! of an announcement that was stopped or moved in time there is none. The reactor tells it to those who were settled on.

mod audience;
mod sending;
mod tell;

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    announcement::{Announcement, AnnouncementEvent},
    notification::ChannelSet,
    time::Timestamp,
};
use event_store::{Log, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ReactError, Reactor, States};
use crate::deliveries::NewDelivery;

pub use sending::{SendError, Sender, run};

/// The reactor's name, under which it keeps its states.
pub const NAME: &str = "announcements";

/// The reactor.
#[derive(Debug)]
pub struct Announcements {
    log: Log,
    channels: ChannelSet,
    clock: fn() -> Timestamp,
}

impl Announcements {
    /// Tells people by these ways. Quiet hours go by the clock.
    pub fn new(log: Log, channels: ChannelSet, clock: fn() -> Timestamp) -> Self {
        Self { log, channels, clock }
    }

    async fn take(
        &self,
        tables: &mut PgConnection,
        events: &[Arc<Envelope>],
    ) -> Result<Vec<NewDelivery>, ReactError> {
        let ids: BTreeSet<Uuid> = events.iter().map(|at| at.aggregate_id).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut known = States::<Announcement>::read(tables, &self.log, NAME, &ids).await?;
        let mut decided = Vec::new();
        for at in events {
            match known.take(at) {
                Ok(AnnouncementEvent::Sent(_)) => {
                    let Some(announcement) = known.get(at.aggregate_id) else { continue };
                    decided.extend(self.tell(tables, at, announcement).await?);
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(position = at.position, %error, "not announced: the event cannot be read");
                }
            }
        }
        known.write(tables).await?;
        Ok(decided)
    }
}

impl Reactor for Announcements {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Newer programs write events that this one does not know: they are not our business.
    fn concerns(&self, event: &Envelope) -> bool {
        event.aggregate_type == "announcement"
            && AnnouncementEvent::TYPES.iter().any(|(name, _)| *name == event.event_type)
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(self.take(tables, events))
    }
}
