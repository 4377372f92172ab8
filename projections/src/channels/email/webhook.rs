//! Mails about a webhook that nothing gets through to.

use domain::{personal::Sealed, time::Timestamp, webhook::values::DisabledReason};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Ink,
    account::{language, minute, open},
    compose::{Facts, Mail, Topic, render},
    texts,
};
use crate::channels::telling::Unwritten;

/// To whom, and about which webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookLetter {
    /// Who reads it.
    pub user: Uuid,
    /// Their address.
    pub email: Sealed,
    /// Their name.
    pub name: Sealed,
    /// Their language, with a region perhaps.
    pub locale: String,
    /// Until when it matters.
    pub good_until: Timestamp,
    /// The webhook.
    pub webhook: Uuid,
    /// Where it is, without what may be secret.
    pub url: String,
    /// Since when nothing has got through, or when it was disabled.
    pub since: Timestamp,
    /// Why it was disabled; none: it was not.
    pub disabled: Option<DisabledReason>,
}

/// The mail; none for somebody who is erased.
pub(super) async fn compose(ink: &Ink, letter: &WebhookLetter) -> Result<Mail, Unwritten> {
    let [address, name] = open(ink, [&letter.email, &letter.name]).await?;
    let language = language(&letter.locale);
    let url = format!("{}/v1/webhooks/{}", ink.public_url, letter.webhook);
    let facts = Facts { name, when: minute(letter.since), url };
    let at = letter.url.clone();
    let topic = match letter.disabled {
        Some(reason) => Topic::WebhookDisabled { at, reason },
        None => Topic::WebhookFailing { at },
    };
    let words = match language {
        "ko" => texts::ko::words(topic, facts),
        _ => texts::en::words(topic, facts),
    };
    Ok(render(address, language, &words))
}
