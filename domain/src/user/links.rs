//! Links that are mailed to users, and how many.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CredentialId, LinkId},
    time::Timestamp,
};

/// Mails that anybody may set off, to one user in an hour.
const MAX_MAILS: usize = 3;
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// A link that opens something once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Which one.
    pub id: LinkId,
    /// From then on it is void.
    pub expires_at: Timestamp,
}

impl Link {
    /// Whether this link was presented, in time.
    pub fn opens(&self, presented: LinkId, now: Timestamp) -> bool {
        self.id == presented && now < self.expires_at
    }
}

/// A link that verifies an address.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// The link.
    pub link: Link,
    /// The password of the sign-up that it was sent for.
    pub credential: CredentialId,
}

/// When mails were asked for; no more than are counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecentMails {
    times: Vec<Timestamp>,
    /// By the event applied last, which does not say when.
    asked: bool,
}

impl RecentMails {
    /// Whether another one may be sent.
    pub(super) fn admit(&self, now: Timestamp) -> bool {
        self.times.iter().filter(|time| now < time.plus(WINDOW)).count() < MAX_MAILS
    }

    /// The event being applied asks for one.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// When the event applied last occurred.
    pub(super) fn occurred(&mut self, at: Timestamp) {
        if std::mem::take(&mut self.asked) {
            self.times.push(at);
            let over = self.times.len().saturating_sub(MAX_MAILS);
            self.times.drain(..over);
        }
    }
}
