//! What all channels carry that tell people of tasks.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    notice::{Happening, Notice, When},
    notification::{Category, Channel},
    notification_rule::values::Template,
    time::Timestamp,
    user::Device,
};
use serde::{Deserialize, Serialize};

use super::push::Recipient;
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

/// The deliveries that a notice is: of a push one for each device, of a mail one; none for what is told inside the product.
pub(crate) fn deliveries(
    notice: &Notice,
    told: &Told,
    devices: &[Device],
    position: i64,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, serde_json::Error> {
    let user = notice.recipient;
    let recipients = match notice.channel {
        Channel::Inbox => return Ok(Vec::new()),
        Channel::Email => vec![user.to_string()],
        Channel::Push => {
            devices.iter().map(|device| Recipient { user, device: device.id }.to_string()).collect()
        }
    };
    let (channel, due, payload) = match notice.when {
        When::Digest { day, due } => {
            (DIGEST, Some(due), serde_json::to_value(DigestLine { day, told: told.clone() })?)
        }
        When::Now => (notice.channel.as_str(), None, letter(notice, told, now)?),
        When::At(due) => (notice.channel.as_str(), Some(due), letter(notice, told, due)?),
    };
    let to = |recipient| NewDelivery {
        event_id: told.happening.event,
        position,
        channel,
        recipient,
        // Each says something of its own: none waits for another.
        order_key: None,
        due,
        payload: payload.clone(),
    };
    Ok(recipients.into_iter().map(to).collect())
}

fn letter(notice: &Notice, told: &Told, from: Timestamp) -> Result<serde_json::Value, serde_json::Error> {
    let letter = NoticeLetter { user: notice.recipient, good_until: from.plus(NEWS), told: told.clone() };
    match notice.channel {
        Channel::Email => serde_json::to_value(super::email::Letter::Notice(letter)),
        Channel::Push | Channel::Inbox => serde_json::to_value(letter),
    }
}
