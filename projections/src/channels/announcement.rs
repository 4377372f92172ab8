//! What all channels carry that tell people of an announcement.

use domain::{
    announcement::AnnouncementContent,
    ids::UserId,
    notification::{Category, Channel, Mode},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Sight, sight::View, telling::Unwritten};

/// To whom, and which one: its words are found when it is sent, and do not change any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnouncementLetter {
    /// Who is told.
    pub user: UserId,
    /// The announcement.
    pub announcement: Uuid,
    /// Afterwards it is no news.
    pub good_until: Timestamp,
}

/// An announcement as it was sent, and those whom telling it is about.
pub(super) struct Announcing {
    pub(super) view: View,
    pub(super) author: Option<UserId>,
    pub(super) content: AnnouncementContent,
}

impl AnnouncementLetter {
    /// What is to be told, if the reader still wants it this way.
    pub(super) async fn open(&self, sight: &Sight, channel: Channel) -> Result<Announcing, Unwritten> {
        let Some((author, content)) = sight.announced(self.announcement).await? else {
            return Err(Unwritten::Needless("there is no such announcement"));
        };
        let view = sight.meet(self.user, author.into_iter()).await?;
        let reader = view.reader().map_err(Unwritten::Needless)?;
        if reader.preferences.mode(Category::Announcement, channel) == Mode::Off {
            return Err(Unwritten::Needless("the person does not want it"));
        }
        Ok(Announcing { view, author, content })
    }
}
