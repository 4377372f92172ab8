//! Alerts: admins are told of what should not happen, or not that often, by mail, on their devices and in the inbox.

mod lag;
mod raise;

use std::sync::Arc;

use domain::{
    alert::AlertKind,
    event::from_stored,
    notification::ChannelSet,
    policy::Role,
    user::{RoleEntry, UserEvent},
};
use event_store::{Log, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::{ReactError, Reactor};
use crate::deliveries::NewDelivery;

pub use lag::{Watching, run};

/// The reactor's name.
pub const NAME: &str = "alerts";

/// The reactor.
#[derive(Debug)]
pub struct Alerts {
    log: Log,
    ways: ChannelSet,
}

impl Alerts {
    /// Tells admins by these ways. Makes states anew from this log where it has to.
    pub fn new(log: Log, ways: ChannelSet) -> Self {
        Self { log, ways }
    }

    async fn take(
        &self,
        tables: &mut PgConnection,
        events: &[Arc<Envelope>],
    ) -> Result<Vec<NewDelivery>, ReactError> {
        let decides_after: i64 =
            sqlx::query_scalar("SELECT decides_after FROM checkpoints WHERE consumer = $1")
                .bind(NAME)
                .fetch_one(&mut *tables)
                .await?;
        let mut decided = Vec::new();
        // History that somebody brings in is no news.
        let news = events.iter().filter(|at| at.position > decides_after && at.on_behalf_of.is_none());
        for at in news {
            let Some((kind, subject)) = sign(at) else { continue };
            let Some(alert) = raise::count(tables, at, kind, &subject).await? else { continue };
            decided.extend(raise::tell(tables, &self.log, self.ways, &alert, at.position).await?);
        }
        Ok(decided)
    }
}

impl Reactor for Alerts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn concerns(&self, event: &Envelope) -> bool {
        sign(event).is_some()
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(self.take(tables, events))
    }
}

/// What an event may be a sign of, and of whom.
fn sign(at: &Envelope) -> Option<(AlertKind, String)> {
    let user = || format!("users/{}", at.aggregate_id);
    match at.event_type.as_str() {
        "user.logins_failed" | "user.locked" => Some((AlertKind::FailedLogins, "logins".to_owned())),
        "user.refresh_token_reused" => Some((AlertKind::TokenReused, user())),
        "user.role_granted" if is_special(at) => Some((AlertKind::RoleGranted, user())),
        "task.deleted" => Some((AlertKind::MassDeletion, format!("users/{}", at.actor_id?))),
        _ => None,
    }
}

/// To be a member is nothing special.
fn is_special(at: &Envelope) -> bool {
    match from_stored(&at.event_type, &at.event_version, at.data.get()) {
        Ok(UserEvent::RoleGranted(RoleEntry { role })) => role != Role::Member,
        _ => false,
    }
}
