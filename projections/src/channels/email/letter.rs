//! What a delivery by e-mail says, and to whom.

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountLetter, CoreLetter, DigestLetter, WebhookLetter};
use crate::channels::{alert::AlertLetter, announcement::AnnouncementLetter, notice::NoticeLetter};

/// The payload of a delivery: ids and facts, sealed what is personal. Words and links are found when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Letter {
    /// About the recipient's own account.
    Account(AccountLetter),
    /// About a task.
    Notice(NoticeLetter),
    /// About all that waited for it.
    Digest(DigestLetter),
    /// Told to many.
    Announcement(AnnouncementLetter),
    /// What admins should look at.
    Alert(AlertLetter),
    /// About a nightly run of the core system.
    Core(CoreLetter),
    /// About a webhook that nothing gets through to.
    Webhook(WebhookLetter),
}

impl Letter {
    /// Afterwards it is of no use to anybody.
    pub(super) fn good_until(&self) -> Timestamp {
        match self {
            Self::Account(letter) => letter.good_until,
            Self::Notice(letter) => letter.good_until,
            Self::Digest(letter) => letter.good_until,
            Self::Announcement(letter) => letter.good_until,
            Self::Alert(letter) => letter.good_until,
            Self::Core(letter) => letter.good_until,
            Self::Webhook(letter) => letter.good_until,
        }
    }
}
