//! Long jobs as everybody outside sees them. projections writes them down and tells of each change on NATS, read-api
//! answers with them, command-api waits for their end.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sqlx::{FromRow, Row, postgres::PgRow};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::SchemaType},
};
use uuid::Uuid;

/// Where changes of all operations are told.
pub const SUBJECTS: &str = "operations.*";

/// Where changes of this operation are told, each with the operation in JSON.
pub fn subject(id: Uuid) -> String {
    format!("operations.{id}")
}

/// The operation that a message on this subject tells of.
pub fn of_subject(subject: &str) -> Option<Uuid> {
    Uuid::try_parse(subject.strip_prefix("operations.")?).ok()
}

/// The columns of `read_model.operations` that an [`Operation`] is made from.
pub const COLUMNS: &str = "id, kind, state, done, total, create_time, start_time, end_time, \
     metadata || jsonb_build_object('subject', subject) AS metadata, response, error";

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperationProgress {
    /// Units done.
    pub done: i64,
    /// Units in all; 0 while unknown.
    pub total: i64,
}

/// A job that runs longer than a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Operation {
    /// `operations/<id>`.
    #[schema(value_type = String)]
    pub name: OperationName,
    /// `rebuild` say.
    pub kind: String,
    /// `pending`, `running`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// How far it has come.
    pub progress: OperationProgress,
    /// When it was asked for.
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    pub create_time: DateTime<Utc>,
    /// When it began.
    #[serde(serialize_with = "optional_time")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(serialize_with = "optional_time")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub end_time: Option<DateTime<Utc>>,
    /// What it works on, by kind.
    #[schema(schema_with = anything)]
    pub metadata: Value,
    /// The result, once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = anything)]
    pub response: Option<Value>,
    /// `{"code", "detail"}`, once failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = anything)]
    pub error: Option<Value>,
}

/// `operations/<id>`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationName(pub Uuid);

impl Operation {
    /// Its id.
    pub fn id(&self) -> Uuid {
        self.name.0
    }

    /// Whether it is done, failed or cancelled, and changes no more.
    pub fn has_ended(&self) -> bool {
        self.end_time.is_some()
    }
}

impl FromRow<'_, PgRow> for Operation {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: OperationName(row.try_get("id")?),
            kind: row.try_get("kind")?,
            state: row.try_get("state")?,
            progress: OperationProgress { done: row.try_get("done")?, total: row.try_get("total")? },
            create_time: row.try_get("create_time")?,
            start_time: row.try_get("start_time")?,
            end_time: row.try_get("end_time")?,
            metadata: row.try_get("metadata")?,
            response: row.try_get("response")?,
            error: row.try_get("error")?,
        })
    }
}

impl fmt::Display for OperationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operations/{}", self.0)
    }
}

impl Serialize for OperationName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn optional_time<S: Serializer>(instant: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match instant {
        Some(instant) => time(instant, serializer),
        None => serializer.serialize_none(),
    }
}

/// Any JSON value.
fn anything() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_one_operation() {
        let id = Uuid::now_v7();
        assert_eq!(of_subject(&subject(id)), Some(id));
        for other in ["operations.*", "operations.>", "operations", "progress.tasks"] {
            assert_eq!(of_subject(other), None, "{other}");
        }
    }
}
