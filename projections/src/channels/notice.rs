//! What all channels carry that tell people of tasks.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    notice::{Happening, Notice, When},
    notification::{Category, Channel},
    notification_rule::values::Template,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::deliveries::NewDelivery;

/// The channel of what waits for a digest; nobody carries it.
pub const DIGEST: &str = "digest";

/// What happened longer ago is no news.
const NEWS: TimeDelta = TimeDelta::days(3);

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Which of their preferences counted.
    pub category: Category,
    /// In which words.
    pub template: Template,
    /// Of what.
    pub happening: Happening,
}

/// The payload of a notice by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoticeLetter {
    /// Who is told.
    pub user: domain::ids::UserId,
    /// Afterwards it is no news.
    pub good_until: Timestamp,
    /// Of what.
    pub told: Told,
}

/// The payload of what waits for a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigestLine {
    /// Of which day, where the person lives.
    pub day: NaiveDate,
    /// Of what.
    pub told: Told,
}

/// The delivery that a notice is; none for what is told inside the product.
pub(crate) fn delivery(
    notice: &Notice,
    told: &Told,
    position: i64,
    now: Timestamp,
) -> Result<Option<NewDelivery>, serde_json::Error> {
    let (channel, due, payload) = match (notice.channel, notice.when) {
        (Channel::Inbox, _) => return Ok(None),
        (_, When::Digest { day, due }) => {
            (DIGEST, Some(due), serde_json::to_value(DigestLine { day, told: told.clone() })?)
        }
        (channel, When::Now) => (channel.as_str(), None, letter(notice, told, now)?),
        (channel, When::At(due)) => (channel.as_str(), Some(due), letter(notice, told, due)?),
    };
    Ok(Some(NewDelivery {
        event_id: told.happening.event,
        position,
        channel,
        recipient: notice.recipient.to_string(),
        // Each says something of its own: none waits for another.
        order_key: None,
        due,
        payload,
    }))
}

fn letter(notice: &Notice, told: &Told, from: Timestamp) -> Result<serde_json::Value, serde_json::Error> {
    let letter = NoticeLetter { user: notice.recipient, good_until: from.plus(NEWS), told: told.clone() };
    match notice.channel {
        Channel::Email => serde_json::to_value(super::email::Letter::Notice(letter)),
        Channel::Push | Channel::Inbox => serde_json::to_value(letter),
    }
}
