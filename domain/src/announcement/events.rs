//! What can have happened to an announcement. These shapes are a contract: stored for ever, published as they are.

use serde::{Deserialize, Serialize};

use super::values::{Body, Headline, Recipients};
use crate::{
    event::{Change, events},
    ids::UserId,
    notification::ChannelSet,
    task::values::Reason,
    time::{TimeZone, Timestamp},
};

events! {
    /// One fact that became true.
    AnnouncementEvent {
        /// A draft came to be.
        Drafted(AnnouncementDrafted) = "announcement.drafted" v "1",
        /// It says something else, or to others.
        Changed(Change<AnnouncementContent>) = "announcement.changed" v "1",
        /// Will be sent then; replaces a time that was set before.
        Scheduled(AnnouncementScheduled) = "announcement.scheduled" v "1",
        /// Its time has come: it is on its way to its recipients.
        Sent(AnnouncementSent) = "announcement.sent" v "1",
        /// Will not be sent.
        Cancelled(AnnouncementCancelled) = "announcement.cancelled" v "1",
    }
}

/// What is said, and to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AnnouncementContent {
    /// In one line.
    pub title: Headline,
    /// All of it.
    pub body: Body,
    /// To whom.
    pub audience: Recipients,
    /// By what ways, if they want.
    pub channels: ChannelSet,
}

/// Payload of `announcement.drafted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AnnouncementDrafted {
    /// Who announces it.
    pub author: UserId,
    /// What is said, and to whom.
    pub content: AnnouncementContent,
}

/// Payload of `announcement.scheduled`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AnnouncementScheduled {
    /// When it is sent.
    pub at: Timestamp,
    /// Where people think of that time.
    pub zone: TimeZone,
}

/// Payload of `announcement.sent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AnnouncementSent {
    /// How many are told.
    pub recipients: u32,
}

/// Payload of `announcement.cancelled`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct AnnouncementCancelled {
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}
