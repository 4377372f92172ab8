//! A comment as clients see it.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Person;

/// A comment on a task.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Comment {
    /// The comment.
    pub id: Uuid,
    /// Sequence of the task's event that last set the text.
    pub version: i64,
    /// Who wrote it.
    pub author: Person,
    /// Markdown.
    pub text: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When its text was last changed, if ever.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub edit_time: Option<Timestamp>,
}
