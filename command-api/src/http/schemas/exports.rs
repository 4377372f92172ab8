//! Exports.

use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be in a file; what is absent does not matter.
#[derive(Debug, ToSchema)]
pub struct NewExport {
    /// `events` (default); `audit_records`: the rows of the audit log, which has logins, refused requests and reads of what is
    /// sensitive; or a list, in clear: `records` as `GET /v1/audit/records` has them, `counts` as `GET /v1/audit/counts`, `role_holders`
    /// as `GET /v1/audit/role-holders`, `deliveries` as `GET /v1/deliveries`, `trace` as `GET /v1/audit/trace/{of}`, `tasks` as
    /// `GET /v1/tasks` with `as_of`.
    pub kind: Option<String>,
    /// `ndjson` (default): a line of JSON each, of events and audit records the bytes that were sealed; `csv`: a row each, for spreadsheets.
    pub format: Option<String>,
    /// From this position or time on; by default from the beginning.
    #[schema(example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Up to this position, or before this time; by default to the end of the log when the job begins.
    #[schema(example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// Events of any of these types, `task.assigned`, or all that begin alike, `task.*`.
    pub types: Option<Vec<String>>,
    /// Audit records of any of these actions, `auth.login`, or all that begin alike, `auth.*`.
    pub actions: Option<Vec<String>>,
    /// Events of this task, user …
    pub aggregate: Option<Uuid>,
    /// What this user has done.
    pub actor: Option<Uuid>,
    /// What this intent has set off.
    pub correlation: Option<Uuid>,
    /// What of a list: what stands behind the `?` where it is read, without order, count and pages; of `trace` `of=4711`. By default all,
    /// where the list is one of all.
    #[schema(example = "ip=10.0.0.0/8&outcome=denied&from=2026-11-01")]
    pub query: Option<String>,
    /// Whether what proves it is in the file too; by default with `ndjson`, not of lists.
    pub include_seals: Option<bool>,
}
