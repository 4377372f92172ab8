//! What people are told, and what they want to be told.

use std::collections::BTreeMap;

use domain::{notification::QuietHours, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FieldChange, Person};

/// What somebody is told inside the product.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notice {
    /// The notice.
    pub id: Uuid,
    /// Place of its event in the log.
    pub position: i64,
    /// Whether it was read.
    pub read: bool,
    /// `assignment`, `status`, `comment`, `mention`, `due`, `change`, `announcement`; `security`.
    pub category: String,
    /// In which words it is to be put: `assignment`, `status`, `reopened`, `comment`, `mention`, `due_soon`, `overdue`,
    /// `escalated`, `unblocked`, `change`, `announcement`, `alert`.
    pub template: String,
    /// The event.
    pub event_id: Uuid,
    /// The event's type, or the reminder.
    #[schema(example = "task.assigned")]
    pub trigger: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// Who acted; null for the system.
    #[schema(required)]
    pub actor: Option<Person>,
    /// The task, if it is about one.
    #[schema(required)]
    pub task: Option<NoticeTask>,
    /// The announcement, if it is one.
    #[schema(required)]
    pub announcement: Option<NoticeAnnouncement>,
    /// What an admin should look at, if it is that.
    #[schema(required)]
    pub alert: Option<NoticeAlert>,
    /// What changed.
    pub changes: Vec<FieldChange>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
}

/// The task that a notice is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeTask {
    /// The task.
    pub id: Uuid,
    /// Its short name.
    #[schema(example = "T-123")]
    pub key: String,
    /// What it was called then.
    pub title: String,
}

/// The announcement that a notice tells.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeAnnouncement {
    /// The announcement.
    pub id: Uuid,
    /// In one line.
    pub title: String,
    /// All of it, in Markdown.
    pub body: String,
}

/// What an admin should look at; `trigger` says of what kind it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeAlert {
    /// Of whom or what: `users/<id>`, `projections/<name>`, `logins`.
    pub subject: String,
    /// How many events there were lately, or are missing.
    pub count: i64,
}

/// One page of the inbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Inbox {
    /// The newest first; may be fewer than asked for.
    pub items: Vec<Notice>,
    /// Empty at the end of the list, and only there.
    pub next_page_token: String,
    /// How many have not been read, on all pages; 1000 stands for any number from there.
    pub unread: i64,
}

/// When somebody is left in peace, every day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Quiet {
    /// The first minute of peace: `22:00`.
    pub from: String,
    /// The first minute after it: `07:30`.
    pub to: String,
}

impl From<QuietHours> for Quiet {
    fn from(hours: QuietHours) -> Self {
        Self { from: hours.from.to_string(), to: hours.to.to_string() }
    }
}

/// What somebody wants to be told, with what is by default.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotificationWishes {
    /// The user.
    pub id: Uuid,
    /// Sequence of the user's last event; also the ETag.
    pub version: i64,
    /// By category and channel: `off`, `now`, or for mails `digest`.
    pub channels: BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>,
    /// When to be left in peace by mails and devices.
    #[schema(required)]
    pub quiet_hours: Option<Quiet>,
    /// Where these times of the day hold.
    pub time_zone: String,
    /// When the digest is mailed.
    pub digest_time: String,
}

/// Who is told; nobody twice, and nobody of their own acts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleRecipients {
    /// `assignees`, `watchers`, `creator`, `mentioned`, `subject`.
    pub groups: Vec<&'static str>,
    /// Whoever holds any of these roles.
    pub roles: Vec<&'static str>,
    /// These.
    pub users: Vec<Uuid>,
}

/// A rule that somebody has made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NotificationRule {
    /// The rule.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// What it is called.
    pub name: String,
    /// Which preferences count.
    pub category: &'static str,
    /// What it goes by.
    pub event_types: Vec<String>,
    /// Only events that meet this.
    #[schema(required)]
    pub filter: Option<String>,
    /// Who is told.
    pub audience: RuleRecipients,
    /// By what ways.
    pub channels: Vec<&'static str>,
    /// In which words.
    pub template: &'static str,
    /// Whether it holds.
    pub enabled: bool,
    /// The default in whose place it stands.
    #[schema(required)]
    pub replaces: Option<&'static str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}
