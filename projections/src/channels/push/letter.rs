//! What can be told to a device.

use std::iter;

use domain::{notification::Channel, time::Timestamp};
use event_store::Sealer;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Note, note};
use crate::channels::{
    Sight,
    alert::AlertLetter,
    announcement::{AnnouncementLetter, Announcing},
    notice::NoticeLetter,
    sight::View,
    telling::{Telling, Unwritten},
};

/// The payload of a delivery: ids and facts. Words are found when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PushLetter {
    /// What happened to a task.
    Notice(NoticeLetter),
    /// Told to many.
    Announcement(AnnouncementLetter),
    /// What admins should look at.
    Alert(AlertLetter),
}

impl PushLetter {
    /// Afterwards it is no news.
    pub(super) fn good_until(&self) -> Timestamp {
        match self {
            Self::Notice(letter) => letter.good_until,
            Self::Announcement(letter) => letter.good_until,
            Self::Alert(letter) => letter.good_until,
        }
    }

    /// The note about the event at this position, and how things stand for its reader.
    pub(super) async fn write(
        &self,
        sight: &Sight,
        sealer: &Sealer,
        (event, position): (Uuid, i64),
    ) -> Result<(View, Note), Unwritten> {
        match self {
            Self::Notice(letter) => {
                let (told, happening) = (&letter.told, &letter.told.happening);
                let view = sight.look(letter.user, iter::once(happening)).await?;
                if let Some(reason) = view.hindrance(happening, told.category, Channel::Push) {
                    return Err(Unwritten::Needless(reason));
                }
                let telling = Telling::begin(sealer, letter.user, &view, happening.people()).await?;
                Ok((view, note::of_task(told, position, &telling)))
            }
            Self::Announcement(letter) => {
                let Announcing { view, author, content } = letter.open(sight, Channel::Push).await?;
                let telling = Telling::begin(sealer, letter.user, &view, author.into_iter()).await?;
                let lead = telling.tongue.announces(&telling.who(author));
                let note = note::of_announcement((event, position), letter.announcement, &content, &lead);
                Ok((view, note))
            }
            Self::Alert(letter) => {
                let view = letter.open(sight).await?;
                let telling = Telling::begin(sealer, letter.user, &view, letter.alert.people()).await?;
                Ok((view, note::of_alert(&letter.alert, position, &telling)))
            }
        }
    }
}
