//! What is known of a person, as the person gets it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One line of an export.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Personal {
    /// `profile`, `notification_preferences`, `device`, `identity`, `session`, `task`, `comment`, `notice`, `event`; and at the
    /// end of an export that is whole `end`, with the number of lines before.
    pub kind: &'static str,
    /// What it is, by kind.
    #[schema(value_type = Object)]
    pub data: Value,
}
