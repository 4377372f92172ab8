//! The document that clients get, in a form that OpenAPI can describe.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A refusal (RFC 9457). Branch on `code`; `title` and `detail` are for people, in the language of Accept-Language.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A page about the code.
    #[schema(format = "uri")]
    pub r#type: String,
    /// The kind of problem in one line.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What to do about it.
    pub detail: String,
    /// The path of the request.
    pub instance: String,
    /// Never translated, never renamed.
    pub code: &'static str,
    /// Tell it to whoever looks after the server.
    pub request_id: String,
    /// The W3C trace that the request belongs to.
    pub trace_id: String,
    /// Everything that is wrong with the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ProblemEntry>,
    /// Members of some codes: `current_version`, `conflicting_fields`, `events`, `allowed`.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

/// One thing that is wrong, and where: exactly one of `pointer`, `parameter`, `header` is there.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ProblemEntry {
    /// A JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// A query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// A request header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<&'static str>,
    /// The broken rule.
    pub code: &'static str,
    /// The rule in words.
    pub detail: String,
    /// What the rule asks for: `{"max": 200}`.
    pub params: Map<String, Value>,
}
