//! What somebody wants to be told, by what ways, and when.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Category, Channel, ClockTime, QuietHours};
use crate::{
    time::{TimeZone, Timestamp},
    words::words,
};

words! {
    /// How notices of a category come by a channel.
    Mode {
        /// Not at all.
        Off = "off",
        /// One by one, outside of quiet hours.
        Now = "now",
        /// Together, once a day; for mails only.
        Digest = "digest",
    }
}

/// The wishes of one person; what is not said here is as by default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Preferences {
    /// How, by category and channel.
    pub modes: BTreeMap<Category, BTreeMap<Channel, Mode>>,
    /// When to be left in peace by mails and devices.
    pub quiet_hours: Option<QuietHours>,
    /// Where these times of the day hold; none = where the profile says.
    pub time_zone: Option<TimeZone>,
    /// When the digest is mailed; none = at eight.
    pub digest_time: Option<ClockTime>,
}

impl Category {
    /// How notices come to those who have not said how.
    pub fn default_mode(self, channel: Channel) -> Mode {
        match (self, channel) {
            (_, Channel::Inbox)
            | (
                Self::Assignment | Self::Mention | Self::Due | Self::Announcement,
                Channel::Email | Channel::Push,
            ) => Mode::Now,
            (Self::Status | Self::Comment, Channel::Email) => Mode::Digest,
            (Self::Change, Channel::Email) | (Self::Status | Self::Comment | Self::Change, Channel::Push) => {
                Mode::Off
            }
        }
    }
}

impl Preferences {
    /// How notices of this category come by this channel.
    pub fn mode(&self, category: Category, channel: Channel) -> Mode {
        let said = self.modes.get(&category).and_then(|channels| channels.get(&channel));
        said.copied().unwrap_or_else(|| category.default_mode(channel))
    }

    /// When peace ends that reigns now for this channel; none if notices may come. `home` is the profile's zone.
    pub fn quiet_until(&self, channel: Channel, now: Timestamp, home: TimeZone) -> Option<Timestamp> {
        match channel {
            Channel::Inbox => None,
            Channel::Email | Channel::Push => self.quiet_hours?.end(now, self.zone(home)),
        }
    }

    /// When the next digest after this instant is mailed.
    pub fn next_digest(&self, after: Timestamp, home: TimeZone) -> Timestamp {
        self.digest_time.unwrap_or(ClockTime::EIGHT).next(after, self.zone(home))
    }

    /// The day of an instant where the person lives.
    pub fn day(&self, at: Timestamp, home: TimeZone) -> NaiveDate {
        self.zone(home).local(at).date()
    }

    fn zone(&self, home: TimeZone) -> TimeZone {
        self.time_zone.unwrap_or(home)
    }
}
