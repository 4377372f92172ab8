//! Announcements.

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of an announcement.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AnnouncementPath {
    /// The announcement.
    pub id: Uuid,
}

/// Who is told: those who are active when it is sent.
#[derive(Debug, ToSchema)]
pub struct Recipients {
    /// Everybody.
    pub everyone: Option<bool>,
    /// Whoever holds any of these roles.
    pub roles: Option<Vec<String>>,
    /// These, at most 500.
    pub users: Option<Vec<Uuid>>,
}

/// An announcement to be drafted.
#[derive(Debug, ToSchema)]
pub struct NewAnnouncement {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// In one line.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// All of it, in Markdown; at most 64 KiB.
    pub body: String,
    /// To whom.
    pub audience: Recipients,
    /// `email`, `push`, `inbox`; all if absent.
    pub channels: Option<Vec<String>>,
}

/// Changes to a draft.
#[derive(Debug, ToSchema)]
pub struct EditAnnouncement {
    /// In one line.
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// All of it, in Markdown.
    pub body: Option<String>,
    /// To whom.
    pub audience: Option<Recipients>,
    /// `email`, `push`, `inbox`.
    pub channels: Option<Vec<String>>,
}

/// When an announcement is sent.
#[derive(Debug, ToSchema)]
pub struct AnnouncementTime {
    /// The instant; within a year.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where people think of that time, IANA name.
    pub zone: String,
}

/// What the system says when an announcement's time has come.
#[derive(Debug, ToSchema)]
pub struct AnnouncementOnItsWay {
    /// The time that had been set.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How many are told.
    #[schema(minimum = 0)]
    pub recipients: u32,
}

/// An announcement as it stands.
#[derive(Debug, ToSchema)]
pub struct AnnouncementReply {
    /// The announcement.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// Who announces it.
    pub author: Uuid,
    /// `draft`, `scheduled`, `sent`, `cancelled`.
    pub state: String,
    /// When it is sent, once that is set.
    pub schedule: Option<AnnouncementTime>,
    /// How many are told, once it is sent.
    pub recipients: Option<u32>,
    /// In one line.
    pub title: String,
    /// All of it.
    pub body: String,
    /// To whom.
    pub audience: Recipients,
    /// By what ways.
    pub channels: Vec<String>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}
