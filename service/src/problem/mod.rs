//! Refusals as `application/problem+json` (RFC 9457).
//!
//! A handler returns a [`Problem`]; [`crate::http::finish`] writes it in the client's language, with the
//! request's ids. The cause of an internal error is logged once there and never leaves the process.

mod code;
mod document;
mod language;
mod page;
mod violation;

use std::{fmt, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

pub use self::{
    code::Code,
    document::{ProblemDocument, ProblemEntry},
    language::Language,
    violation::{Flaw, Place, Violation},
};
pub(crate) use self::{language::weighted, page::router};
use crate::request::RequestContext;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// More violations than this are not listed.
const MAX_VIOLATIONS: usize = 100;

type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A refusal on its way to the client.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    detail: Option<(String, String)>,
    violations: Vec<Violation>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
    hidden: bool,
}

impl Problem {
    /// A refusal with the words that belong to its code.
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            violations: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
            hidden: false,
        }))
    }

    /// What is there, but not for this client, who is told that it is not.
    pub fn hidden() -> Self {
        let mut problem = Self::new(Code::NotFound);
        problem.0.hidden = true;
        problem
    }

    /// A failure of ours: 500 for the client, the cause for the log.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal).caused_by(cause)
    }

    /// A refusal that lists violations; the code follows from what they have in common.
    pub fn violations(violations: Vec<Violation>) -> Self {
        let code = common_code(&violations);
        let mut problem = Self::new(code);
        problem.0.violations = violations;
        problem
    }

    /// Replaces the sentence of the code by one that knows more.
    pub fn detail(mut self, en: impl Into<String>, ko: impl Into<String>) -> Self {
        self.0.detail = Some((en.into(), ko.into()));
        self
    }

    /// Adds one entry to `errors`.
    pub fn violation(mut self, violation: Violation) -> Self {
        self.0.violations.push(violation);
        self
    }

    /// Adds an extension member: `current_version`, `conflicting_fields`, `events`, `allowed`.
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// Sets a header of the answer (`ETag`, `Allow`).
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says after how many seconds a new try makes sense.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Keeps the cause for the log.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The code that clients branch on.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether the client may not know that it is there.
    pub fn is_hidden(&self) -> bool {
        self.0.hidden
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.code.status()
    }

    /// The headers beyond Content-Type.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// What `errors` lists.
    pub fn listed(&self) -> &[Violation] {
        &self.0.violations
    }

    /// What only the log may know.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync)> {
        self.0.cause.as_deref()
    }

    /// The document as the client of this request gets it.
    pub fn document(&self, request: &RequestContext) -> ProblemDocument {
        let Inner { code, detail, violations, members, .. } = &*self.0;
        let language = request.language();
        let listed = violations.iter().take(MAX_VIOLATIONS);
        ProblemDocument {
            r#type: format!("{}/problems/{}", request.public_url(), code.as_str()),
            title: code.title(language),
            status: code.status().as_u16(),
            detail: sentence(*code, detail.as_ref(), language).to_owned(),
            instance: request.path().to_owned(),
            code: code.as_str(),
            request_id: request.request_id().to_string(),
            trace_id: request.traceparent().trace_id(),
            errors: listed.map(|violation| violation.entry(language)).collect(),
            members: members.clone(),
        }
    }

    /// The document as a value, for receipts and for items of a batch.
    pub fn to_json(&self, request: &RequestContext) -> Value {
        // Only strings, numbers and values: nothing in it can fail to be written.
        serde_json::to_value(self.document(request)).unwrap_or_default()
    }
}

fn sentence(code: Code, detail: Option<&(String, String)>, language: Language) -> &str {
    match (detail, language) {
        (Some((en, _)), Language::En) => en,
        (Some((_, ko)), Language::Ko) => ko,
        (None, language) => code.detail(language),
    }
}

/// All unknown members: `UNKNOWN_FIELD`; all unknown parameters: `UNKNOWN_PARAMETER`; mixed: the general code.
fn common_code(violations: &[Violation]) -> Code {
    let all = |code: &str| violations.iter().all(|violation| violation.flaw.code == code);
    match violations.first().map(|violation| &violation.place) {
        Some(Place::Header(_)) => Code::InvalidHeader,
        Some(Place::Parameter(_)) if all("UNKNOWN_PARAMETER") => Code::UnknownParameter,
        Some(Place::Parameter(_)) => Code::InvalidParameter,
        Some(Place::Pointer(_)) if all("UNKNOWN_FIELD") => Code::UnknownField,
        Some(Place::Pointer(_)) if all("DUPLICATE_FIELD") => Code::DuplicateField,
        Some(Place::Pointer(_)) | None => Code::ValidationFailed,
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<Violation> for Problem {
    fn from(violation: Violation) -> Self {
        Self::violations(vec![violation])
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.0.code.as_str())
            .field("violations", &self.0.violations)
            .field("members", &self.0.members)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())
    }
}

impl IntoResponse for Problem {
    /// Only the status and the problem itself: the middleware of [`crate::http::finish`] writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
#[cfg(test)]
mod tests;
