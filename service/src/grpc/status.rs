//! From a problem to a `google.rpc.Status`.

use std::collections::HashMap;

use axum::http::HeaderMap;
use serde_json::Value;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use super::{codes, details::details};
use crate::{
    problem::{Code, Language, Problem},
    request::RequestContext,
};

/// What reasons are reasons of.
pub(super) const DOMAIN: &str = "taskledger";

/// The status that a problem is, for what streams and has begun.
pub fn status(problem: &Problem, context: &RequestContext) -> Status {
    let headers = problem.headers().iter().cloned().collect();
    of_document(problem.status(), &problem.to_json(context), &headers, context.language().tag())
}

/// The status that a refusal in JSON is; `locale` is the language of its texts.
pub(super) fn of_document(
    http: axum::http::StatusCode,
    document: &Value,
    headers: &HeaderMap,
    locale: &str,
) -> Status {
    let code = document["code"].as_str().and_then(Code::parse);
    let grpc = code.map_or_else(|| codes::of_status(http), codes::of_code);
    let english = code.map_or("the call was refused", |code| code.detail(Language::En));
    let detail = document["detail"].as_str().filter(|_| locale == Language::En.tag());
    Status::with_error_details(grpc, detail.unwrap_or(english), details(grpc, document, headers, locale))
}

/// A refusal before there was a request to refuse.
pub(super) fn refused(code: Code) -> Status {
    with(code, code.detail(Language::En), ErrorDetails::new())
}

/// The message is none.
pub(super) fn invalid_message(why: &str) -> Status {
    with(Code::ValidationFailed, why, ErrorDetails::new())
}

/// One field is wrong.
pub(super) fn invalid_field(field: &str, reason: &str, why: &str) -> Status {
    let violation = tonic_types::FieldViolation {
        field: field.to_owned(),
        description: why.to_owned(),
        reason: reason.to_owned(),
        localized_message: None,
    };
    let details = ErrorDetails::with_bad_request(vec![violation]);
    with(Code::ValidationFailed, Code::ValidationFailed.detail(Language::En), details)
}

/// One line of the metadata is wrong.
pub(super) fn invalid_metadata(name: &str, why: &str) -> Status {
    with(Code::InvalidHeader, &format!("{name} {why}"), ErrorDetails::new())
}

fn with(code: Code, message: &str, mut details: ErrorDetails) -> Status {
    details.set_error_info(code.as_str(), DOMAIN, HashMap::new());
    Status::with_error_details(codes::of_code(code), message, details)
}
