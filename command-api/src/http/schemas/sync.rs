//! What a device has done while it was away.

use utoipa::ToSchema;
use uuid::Uuid;

/// Commands of a device, done one by one.
#[derive(Debug, ToSchema)]
pub struct SyncPush {
    /// In order.
    #[schema(min_items = 1, max_items = 100)]
    pub commands: Vec<SyncCommand>,
}

/// One of them.
#[derive(Debug, ToSchema)]
pub struct SyncCommand {
    /// Made once by the client and sent with the command whenever it is sent again, unchanged.
    pub uuid: Uuid,
    /// As in a batch.
    pub op: String,
    /// UUID or key of the task, or the `temp_id` of an earlier create of this call.
    pub id: Option<String>,
    /// What later commands of this call say for the task that this one creates.
    #[schema(max_length = 64)]
    pub temp_id: Option<String>,
    /// The version that the client has seen: refused only if others have touched the same fields since.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
    /// As in a batch.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
}

/// A result for each command.
#[derive(Debug, ToSchema)]
pub struct SyncPushReply {
    /// In order.
    pub results: Vec<SyncResult>,
    /// The ids of the tasks created, now or when the command came first, by their `temp_id`.
    #[schema(value_type = Object)]
    pub temp_ids: serde_json::Value,
    /// Of the last event; null if nothing was done. For `min_position`.
    #[schema(required)]
    pub position: Option<i64>,
}

/// One of the results.
#[derive(Debug, ToSchema)]
pub struct SyncResult {
    /// Which command.
    pub uuid: Uuid,
    /// HTTP status that the command alone would have.
    pub status: u16,
    /// The answer.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
    /// Or the refusal.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<serde_json::Value>,
}
