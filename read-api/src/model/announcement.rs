//! Announcements, whom they mean, and what became of them.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Person;

/// What somebody tells many at a time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Announcement {
    /// The announcement.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Who announces it.
    #[schema(required)]
    pub author: Option<Uuid>,
    /// `draft`, `scheduled`, `sent`, `cancelled`.
    pub state: String,
    /// When it is sent; null until that is set.
    #[schema(required)]
    pub schedule: Option<AnnouncementSchedule>,
    /// How many are told; null until it is sent.
    #[schema(required)]
    pub recipients: Option<i64>,
    /// In one line.
    pub title: String,
    /// All of it, in Markdown.
    pub body: String,
    /// To whom.
    pub audience: AnnouncementAudience,
    /// By what ways, if they want.
    pub channels: Vec<&'static str>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}

/// When an announcement is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnnouncementSchedule {
    /// The instant.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where people think of that time.
    pub zone: String,
}

/// Who is told: those who are active when it is sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnnouncementAudience {
    /// Everybody.
    pub everyone: bool,
    /// Whoever holds any of these roles.
    pub roles: Vec<&'static str>,
    /// These.
    pub users: Vec<Uuid>,
}

/// What became of an announcement for one of its recipients.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnnouncementOutcome {
    /// Who.
    pub recipient: Person,
    /// By channel; a channel by which the person did not want to be told, or cannot be reached, is not there.
    pub channels: BTreeMap<String, ChannelOutcome>,
}

/// What became of it by one way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelOutcome {
    /// As of deliveries: `pending`, `failed`, `delivered`, `exhausted`, `rejected`, `skipped`, `superseded`; in the inbox
    /// `delivered` or `read`.
    pub state: String,
    /// Why it has ended so.
    #[schema(required)]
    pub reason: Option<String>,
    /// Attempts so far.
    pub attempts: i32,
    /// When it ended; null while it is under way.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
}
