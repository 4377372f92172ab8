//! Long jobs.

use domain::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::schema;

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperationProgress {
    /// Units done.
    pub done: i64,
    /// Units in all; 0 while unknown.
    pub total: i64,
}

/// A job that runs longer than a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Operation {
    /// `operations/<id>`.
    pub name: String,
    /// `rebuild` say.
    pub kind: String,
    /// `pending`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How far it has come.
    pub progress: OperationProgress,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub end_time: Option<Timestamp>,
    /// What it works on, by kind.
    #[schema(schema_with = schema::anything)]
    pub metadata: Value,
    /// The result, once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::anything)]
    pub response: Option<Value>,
    /// `{"code", "detail"}`, once failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::anything)]
    pub error: Option<Value>,
}
