//! From a problem to a `google.rpc.Status`.

use axum::http::HeaderMap;
use serde_json::Value;
use tonic::Status;
use tonic_types::StatusExt;

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
