//! Many commands in one call.

use utoipa::ToSchema;

/// Many commands.
#[derive(Debug, ToSchema)]
pub struct Batch {
    /// All or none (default), or one by one.
    pub atomic: Option<bool>,
    /// In order.
    #[schema(min_items = 1, max_items = 100)]
    pub commands: Vec<BatchCommand>,
}

/// One of many commands.
#[derive(Debug, ToSchema)]
pub struct BatchCommand {
    /// `create`, `update`, `delete`, `undelete`, `start`, `hold`, `resume`, `complete`, `cancel`, `reopen`, `assign`,
    /// `unassign`, `progress`, `watch`, `unwatch`, `add_comment`, `edit_comment`, `delete_comment`,
    /// `add_checklist_item`, `edit_checklist_item`, `remove_checklist_item`, `add_relation`, `remove_relation`.
    pub op: String,
    /// UUID or key of the task, or the `temp_id` of an earlier create.
    pub id: Option<String>,
    /// What later commands call the task that this one creates.
    #[schema(max_length = 64)]
    pub temp_id: Option<String>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
    /// As the body of the command's own route; `comment`, `item`, `type` and `task` name what its path would.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
}

/// A result for each command.
#[derive(Debug, ToSchema)]
pub struct BatchReply {
    /// In order.
    pub results: Vec<BatchResult>,
    /// The ids of the tasks created, by their `temp_id`.
    #[schema(value_type = Object)]
    pub temp_ids: serde_json::Value,
    /// Of the last event; atomic batches only.
    pub position: Option<i64>,
}

/// One of the results.
#[derive(Debug, ToSchema)]
pub struct BatchResult {
    /// Which command.
    pub index: i64,
    /// HTTP status.
    pub status: u16,
    /// The answer.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
    /// Or the refusal.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<serde_json::Value>,
}
