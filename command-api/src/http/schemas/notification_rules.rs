//! Notification rules.

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a notification rule.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct NotificationRulePath {
    /// The rule.
    pub id: Uuid,
}

/// Who is told; nobody twice, and nobody of their own acts.
#[derive(Debug, ToSchema)]
pub struct RuleAudience {
    /// `assignees`, `watchers`, `creator` of the task, `mentioned` in the comment, `subject` of an assignment.
    pub groups: Option<Vec<String>>,
    /// Whoever holds any of these roles.
    pub roles: Option<Vec<String>>,
    /// These, at most 50.
    pub users: Option<Vec<Uuid>>,
}

/// A rule to be made.
#[derive(Debug, ToSchema)]
pub struct NewNotificationRule {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// The default in whose place it stands: `assigned`, `status_changed`, `commented`, `mentioned`, `due_soon`,
    /// `overdue`, `escalated`, `unblocked`, `reopened`. Without it `name`, `event_types` and `audience` are required.
    pub replaces: Option<String>,
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Which preferences count: `assignment`, `status`, `comment`, `mention`, `due`, `change`, `announcement`.
    pub category: Option<String>,
    /// Any of these: `task.assigned`, `task.*`, `reminder.due_soon`, `reminder.overdue`,
    /// `reminder.escalated`, `reminder.unblocked`.
    #[schema(min_items = 1, max_items = 20)]
    pub event_types: Option<Vec<String>>,
    /// Only events that meet this filter: `priority >= high AND label : "roof"`.
    #[schema(max_length = 2000)]
    pub filter: Option<String>,
    /// Who is told.
    pub audience: Option<RuleAudience>,
    /// `email`, `push`, `inbox`; all if absent.
    pub channels: Option<Vec<String>>,
    /// `assignment`, `status`, `reopened`, `comment`, `mention`, `due_soon`, `overdue`, `escalated`,
    /// `unblocked`, `change` (default).
    pub template: Option<String>,
    /// Whether it holds; true if absent.
    pub enabled: Option<bool>,
}

/// Changes to a rule.
#[derive(Debug, ToSchema)]
pub struct EditNotificationRule {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Which preferences count.
    pub category: Option<String>,
    /// Any of these.
    #[schema(min_items = 1, max_items = 20)]
    pub event_types: Option<Vec<String>>,
    /// Only events that meet this filter; null for all.
    #[schema(max_length = 2000)]
    pub filter: Option<String>,
    /// Who is told.
    pub audience: Option<RuleAudience>,
    /// `email`, `push`, `inbox`.
    pub channels: Option<Vec<String>>,
    /// In which words.
    pub template: Option<String>,
    /// Whether it holds.
    pub enabled: Option<bool>,
}

/// A rule as it stands.
#[derive(Debug, ToSchema)]
pub struct NotificationRuleReply {
    /// The rule.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// What it is called.
    pub name: String,
    /// Which preferences count.
    pub category: String,
    /// What it goes by.
    pub event_types: Vec<String>,
    /// Only events that meet this.
    pub filter: Option<String>,
    /// Who is told.
    pub audience: RuleAudience,
    /// By what ways.
    pub channels: Vec<String>,
    /// In which words.
    pub template: String,
    /// Whether it holds.
    pub enabled: bool,
    /// The default in whose place it stands.
    pub replaces: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}

/// Something that is gone.
#[derive(Debug, ToSchema)]
pub struct RecordDeleted {
    /// What it was.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
}
