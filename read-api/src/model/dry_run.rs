//! What a rule would have done.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Person;

/// A rule to be tried, and on what.
#[derive(Debug, ToSchema)]
pub struct DryRunRequest {
    /// The rule, with the members that it is made with.
    pub rule: DryRule,
    /// Only events behind this position; 0 by default.
    #[schema(minimum = 0)]
    pub after: Option<i64>,
    /// Only events up to this position; the head of the log by default.
    #[schema(minimum = 0)]
    pub up_to: Option<i64>,
    /// Only events from this one on: a position, or the first one at a time (`2026-11-21T09:30:00Z`).
    pub from: Option<String>,
    /// Only events before this one: a position, or a time.
    pub to: Option<String>,
}

/// What the rule says.
#[derive(Debug, ToSchema)]
pub struct DryRule {
    /// The default whose members count that are not sent.
    pub replaces: Option<String>,
    /// What it is called.
    pub name: Option<String>,
    /// Which preferences count.
    pub category: Option<String>,
    /// Any of these; needed without `replaces`. Reminders tell nothing here.
    pub event_types: Option<Vec<String>>,
    /// Only events that meet this filter.
    pub filter: Option<String>,
    /// Who is told; needed without `replaces`.
    pub audience: Option<DryAudience>,
    /// `email`, `push`, `inbox`; all if absent.
    pub channels: Option<Vec<String>>,
    /// In which words.
    pub template: Option<String>,
}

/// Who is told.
#[derive(Debug, ToSchema)]
pub struct DryAudience {
    /// `assignees`, `watchers`, `creator`, `mentioned`, `subject`.
    pub groups: Option<Vec<String>>,
    /// Whoever holds any of these roles.
    pub roles: Option<Vec<String>>,
    /// These.
    pub users: Option<Vec<Uuid>>,
}

/// What a rule would have told whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// In the order of the log. Of tasks that the caller does not see nothing is said.
    pub items: Vec<WouldTell>,
    /// Up to there events were looked at.
    pub after: i64,
    /// Whether those were all; else ask again with this `after`.
    pub complete: bool,
}

/// Somebody would have been told by one way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WouldTell {
    /// Of this event.
    pub event_id: Uuid,
    /// Its place in the log.
    pub position: i64,
    /// Its type.
    #[schema(example = "task.assigned")]
    pub trigger: String,
    /// The task.
    pub task: Uuid,
    /// The task's short name.
    #[schema(example = "T-123")]
    pub key: String,
    /// Who.
    pub recipient: Person,
    /// `email`, `push`, `inbox`.
    pub channel: &'static str,
    /// `now`, or with the `digest`.
    pub mode: &'static str,
    /// When: at the event, after quiet hours, or with the digest.
    #[schema(value_type = String, format = DateTime)]
    pub due_time: Timestamp,
}
