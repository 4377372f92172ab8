//! Writing to whoever can mend a webhook that nothing gets through to.

use chrono::TimeDelta;
use domain::{
    ids::{EventId, UserId},
    time::Timestamp,
    webhook::{WebhookUrl, values::DisabledReason},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    channels::email::{self, Letter, WebhookLetter},
    deliveries::NewDelivery,
    reactors::ReactError,
    readers::{self, Reader},
};

/// How long such a letter is news.
const NEWS: TimeDelta = TimeDelta::days(3);

/// What is wrong with which webhook.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble<'a> {
    /// The event that caused the letters, or an id made for them.
    pub(crate) cause: EventId,
    /// Of that event.
    pub(crate) position: i64,
    pub(crate) webhook: Uuid,
    pub(crate) owner: UserId,
    pub(crate) url: &'a WebhookUrl,
    /// Since when nothing has got through, or when it was disabled.
    pub(crate) since: Timestamp,
    /// When it was noticed.
    pub(crate) noticed: Timestamp,
    /// Why it was disabled; none: it was not.
    pub(crate) disabled: Option<DisabledReason>,
}

impl Trouble<'_> {
    /// A letter to its owner, or to the operators if that is a program.
    pub(crate) async fn letters(&self, tables: &mut PgConnection) -> Result<Vec<NewDelivery>, ReactError> {
        let readers = readers::owner(tables, self.owner.0).await?;
        readers.into_iter().map(|reader| self.letter(reader)).collect()
    }

    fn letter(&self, Reader { user, email, name, locale }: Reader) -> Result<NewDelivery, ReactError> {
        let letter = WebhookLetter {
            user,
            email,
            name,
            locale,
            good_until: self.noticed.plus(NEWS),
            webhook: self.webhook,
            url: shown(self.url.as_ref()).to_owned(),
            since: self.since,
            disabled: self.disabled,
        };
        Ok(NewDelivery {
            event_id: self.cause,
            position: self.position,
            channel: email::NAME,
            recipient: user.to_string(),
            order_key: None,
            due: None,
            payload: serde_json::to_value(Letter::Webhook(letter))?,
        })
    }
}

/// What follows `?` may be a secret.
fn shown(url: &str) -> &str {
    url.split_once('?').map_or(url, |(shown, _)| shown)
}
