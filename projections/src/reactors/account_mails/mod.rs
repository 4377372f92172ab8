//! Mails about a user's own account: links to verify an address and to set a password, and what happened to it.
//!
//! Whom they go to is folded here, sealed as it stands in the log; the channel opens it when it sends.

mod occasion;
mod people;

use std::sync::Arc;

use chrono::Utc;
use domain::{
    event::{DecodeError, from_stored},
    user::UserEvent,
};
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

use super::{ReactError, Reactor};
use crate::{
    channels::email::{self, AccountLetter, Letter},
    deliveries::NewDelivery,
};

/// The reactor.
#[derive(Debug)]
pub struct AccountMails;

impl Reactor for AccountMails {
    fn name(&self) -> &'static str {
        "account_mails"
    }

    /// Newer programs write events about users that this one does not know: they are not our business.
    fn concerns(&self, event: &Envelope) -> bool {
        event.aggregate_type == "user" && UserEvent::TYPES.iter().any(|(name, _)| *name == event.event_type)
    }

    fn react<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Vec<NewDelivery>, ReactError>> {
        Box::pin(async move {
            let mut decided = Vec::new();
            for at in events {
                let Some(event) = read(at) else { continue };
                people::fold(tables, at.aggregate_id, &event).await?;
                decided.extend(decide(tables, at, &event).await?);
            }
            Ok(decided)
        })
    }
}

/// Nothing for those who have no address.
async fn decide(
    tables: &mut PgConnection,
    at: &Envelope,
    event: &UserEvent,
) -> Result<Option<NewDelivery>, ReactError> {
    let Some((occasion, good_until)) = occasion::occasion(at, event) else { return Ok(None) };
    if good_until <= Utc::now().into() {
        return Ok(None);
    }
    let Some(person) = people::find(tables, at.aggregate_id).await? else { return Ok(None) };
    let letter = Letter::Account(AccountLetter {
        user: at.aggregate_id,
        email: person.email,
        name: person.name,
        locale: person.locale,
        occurred_at: at.occurred_at,
        good_until,
        occasion,
    });
    Ok(Some(NewDelivery {
        event_id: at.id,
        position: at.position,
        channel: email::NAME,
        recipient: at.aggregate_id.to_string(),
        // Each says something of its own: none waits for another.
        order_key: None,
        due: None,
        payload: serde_json::to_value(letter)?,
    }))
}

fn read(at: &Envelope) -> Option<UserEvent> {
    let read = from_stored(&at.event_type, &at.event_version, at.data.get());
    if let Err(error @ (DecodeError::Unknown { .. } | DecodeError::Malformed { .. })) = &read {
        tracing::error!(position = at.position, %error, "no mail: the event cannot be read");
    }
    read.ok()
}
