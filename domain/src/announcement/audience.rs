//! Who is told of an announcement, by what ways and when.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AnnouncementContent, values::Recipients};
use crate::{
    ids::{EventId, UserId},
    notice::reaches,
    notification::{Category, Channel, Mode},
    time::{TimeZone, Timestamp},
    user::User,
};

/// What a notice inside the product says of an announcement: words are found for each reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announced {
    /// The event that says it is sent.
    pub event: EventId,
    /// That event's type without the version.
    pub trigger: String,
    /// The announcement.
    pub announcement: Uuid,
    /// Who announces it.
    pub actor: Option<UserId>,
    /// When it was sent.
    pub occurred_at: Timestamp,
}

impl Recipients {
    /// Whether this user is meant, as the user is now: people only, and only those who are active.
    pub fn mean(&self, id: UserId, user: &User) -> bool {
        let person = user.is_active() && !user.is_service_account();
        person && (self.everyone || user.roles.has_any(self.roles) || self.users.contains(&id))
    }
}

impl AnnouncementContent {
    /// By what ways a recipient is told, and not before when; none = at once. Whoever wants a digest gets a mail of its own at
    /// the time of the next one.
    pub fn ways(&self, user: &User, now: Timestamp) -> Vec<(Channel, Option<Timestamp>)> {
        let (wishes, home) = (&user.preferences, user.time_zone.unwrap_or(TimeZone::UTC));
        let way = |channel: Channel| match wishes.mode(Category::Announcement, channel) {
            Mode::Off => None,
            Mode::Now => Some((channel, wishes.quiet_until(channel, now, home))),
            Mode::Digest => Some((channel, Some(wishes.next_digest(now, home)))),
        };
        self.channels.iter().filter(|channel| reaches(user, *channel)).filter_map(way).collect()
    }
}
