//! What auditors read.

use domain::{policy::RoleSet, time::Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Person, TracedAggregate, schema};

/// Something that happened, or was tried, or was read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditRecord {
    /// Its permanent name: `e` and the position in the log of an event, `a` and the position in the audit log of anything else.
    #[schema(example = "e4711")]
    pub id: String,
    /// Place in the log; null of what is no event.
    #[schema(required)]
    pub position: Option<i64>,
    /// The event, if it is one.
    #[schema(required)]
    pub event_id: Option<Uuid>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub occurred_at: Timestamp,
    /// When it was recorded; records are sorted by it.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// The event's type, or of a request `tag.operation` as in the document of the API.
    #[schema(example = "task.assigned")]
    pub action: String,
    /// `create`, `read`, `update` or `delete`.
    pub crud: &'static str,
    /// `success`, `failure` (wrong or impossible) or `denied` (not allowed, or not now).
    pub outcome: String,
    /// The HTTP status of what is no event.
    #[schema(required)]
    pub status: Option<i32>,
    /// Why it was refused.
    #[schema(required)]
    pub code: Option<String>,
    /// Who acted.
    pub actor: RecordActor,
    /// Who brought it in for the actor (import).
    #[schema(required)]
    pub on_behalf_of: Option<Person>,
    /// The session that it was done in; of a program the API key.
    #[schema(required)]
    pub session: Option<Uuid>,
    /// How the one who acted had proved who it was; null of the system, of strangers and where it is not known.
    #[schema(required)]
    pub auth: Option<RecordAuth>,
    /// Where it came from.
    pub source: RecordSource,
    /// The request that it was part of.
    pub request_id: Uuid,
    /// Groups everything that one original intent set off.
    pub correlation_id: Uuid,
    /// The event that the system reacted to with this one.
    #[schema(required)]
    pub causation_id: Option<Uuid>,
    /// The trace of the request.
    #[schema(required)]
    pub trace_id: Option<String>,
    /// The HTTP method of the request; over gRPC that of the request which the method is.
    #[schema(required)]
    pub method: Option<String>,
    /// The template of the path.
    #[schema(required)]
    pub route: Option<String>,
    /// SHA-256 of the idempotency key, without its quotes.
    #[schema(required)]
    pub key_hash: Option<String>,
    /// What a read asked for, or what was done to a consumer group; null where there is nothing in particular, or it is erased.
    #[schema(required)]
    pub query: Option<String>,
    /// What it was done to.
    #[schema(required)]
    pub target: Option<RecordTarget>,
    /// The event's aggregate with its version after it.
    #[schema(required)]
    pub aggregate: Option<TracedAggregate>,
    /// What changed.
    pub changes: Vec<RecordChange>,
    /// Why, where a reason was given.
    #[schema(required)]
    pub reason: Option<String>,
    /// The process that took or answered the request; null where it is not known, or none did.
    #[schema(required, example = "command-api-1")]
    pub node: Option<String>,
    /// The version of its program.
    #[schema(required)]
    pub app_version: Option<String>,
    /// Above 1: it stands for so many alike from one address within a minute.
    pub count: i32,
    /// The sealed block that it is in; null until it is sealed, some seconds later.
    #[schema(required)]
    pub seal: Option<RecordSeal>,
}

/// Who acted, as of then.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordActor {
    /// `user`, `service_account`, `system`, `operator` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user or service account.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Its name today; null once erased.
    #[schema(required)]
    pub name: Option<String>,
    /// The roles that it had then.
    #[schema(schema_with = schema::roles)]
    pub roles: RoleSet,
}

/// How somebody had proved who they were when they acted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordAuth {
    /// `password`, `oidc` (an outside provider) or `api_key`.
    pub method: String,
    /// All that they had shown: `pwd`, `fed` (an outside provider), `otp` (a second factor). Nothing of a login that failed.
    pub amr: Vec<String>,
    /// The API key.
    #[schema(required)]
    pub key_id: Option<Uuid>,
}

/// Where something came from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordSource {
    /// The address; null where it was none, or is erased.
    #[schema(required)]
    pub ip: Option<String>,
    /// The proxies between that address and us, the one that it spoke to first; those that are not trusted are not known.
    pub ip_chain: Vec<String>,
    /// What the client called itself.
    #[schema(required)]
    pub user_agent: Option<String>,
    /// `http`, `grpc`, `import`, `system`.
    pub transport: String,
}

/// What something was done to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordTarget {
    /// `task`, `user` …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id, where it is known.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// The key of a task.
    #[schema(required, example = "T-123")]
    pub key: Option<String>,
}

/// One field before and after.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordChange {
    /// `title`, `status`, `comments/<id>` …
    pub field: String,
    /// Before; null if there was nothing.
    #[schema(schema_with = schema::anything)]
    pub old: Value,
    /// After; null if nothing is left.
    #[schema(schema_with = schema::anything)]
    pub new: Value,
    /// Something of it is secret, or erased, and left out.
    pub redacted: bool,
}

/// The sealed block of a record; see `GET /v1/audit/integrity`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordSeal {
    /// `events` or `audit`.
    pub log: &'static str,
    /// The number of the block.
    pub number: i64,
    /// The record's place in that log: of an event, `GET /v1/audit/proofs/{position}` proves it.
    pub position: i64,
}

/// Somebody who had a role.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoleHolder {
    /// Who.
    pub user: Person,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The event that gave it.
    pub position: i64,
    /// Who gave it; null where the system did.
    #[schema(required)]
    pub given_by: Option<Person>,
}
