//! What happened to a task or user, as clients read it.

use domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Person, schema};

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Actor {
    /// `user`, `service_account`, `system` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The user or service account.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Its name; null once erased.
    #[schema(required)]
    pub name: Option<String>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// `title`, `status`, `comments/<id>` …
    pub field: String,
    /// Before; null if there was nothing, or if it is erased.
    #[schema(schema_with = schema::anything)]
    pub old: Value,
    /// After; null if nothing is left, or if it is erased.
    #[schema(schema_with = schema::anything)]
    pub new: Value,
}

/// One event of a task or user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryEntry {
    /// Place in the log.
    pub position: i64,
    /// Sequence within the task or user.
    pub version: i64,
    /// The event's type with its version.
    #[serde(rename = "type")]
    #[schema(example = "task.assigned.v1")]
    pub kind: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// Who brought it in for the actor (import).
    #[schema(required)]
    pub on_behalf_of: Option<Person>,
    /// What changed.
    pub changes: Vec<FieldChange>,
    /// Why, where a reason was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request that carried the command.
    pub request_id: Uuid,
    /// Groups everything that one original intent set off.
    pub correlation_id: Uuid,
}
