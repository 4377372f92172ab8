//! What a status carries for programs: the members of the problem in the shapes that gRPC has for them.

use std::{collections::HashMap, time::Duration};

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use tonic::Code as Grpc;
use tonic_types::{ErrorDetails, FieldViolation};

use super::status::DOMAIN;

/// Details travel as metadata, of which clients take 8 KiB: violations beyond this are left out (bytes).
const MAX_VIOLATIONS: usize = 3 * 1024;
/// So are values longer than this.
const MAX_VALUE: usize = 512;
/// Members that have shapes of their own.
const SHAPED: [&str; 8] = ["type", "title", "status", "detail", "instance", "code", "request_id", "errors"];

pub(super) fn details(grpc: Grpc, problem: &Value, headers: &HeaderMap, locale: &str) -> ErrorDetails {
    let text = |member: &str| problem[member].as_str().unwrap_or_default().to_owned();
    let mut details = ErrorDetails::new();
    let members = problem.as_object().map(metadata).unwrap_or_default();
    details.set_error_info(text("code"), DOMAIN, members);
    let violations = violations(problem);
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    match grpc {
        Grpc::FailedPrecondition | Grpc::Aborted | Grpc::AlreadyExists => {
            details.add_precondition_failure_violation(text("code"), text("instance"), text("detail"));
        }
        Grpc::ResourceExhausted => {
            details.add_quota_failure_violation(quota(headers), text("detail"));
        }
        _ => {}
    }
    let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(seconds) = seconds {
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    details.set_request_info(text("request_id"), "");
    details.set_localized_message(locale, text("detail"));
    details
}

/// The members of some codes, `current_version` say; of lists of texts, the texts.
fn metadata(problem: &Map<String, Value>) -> HashMap<String, String> {
    let others = problem.iter().filter(|(name, _)| !SHAPED.contains(&name.as_str()));
    let texts = others.map(|(name, value)| (name.clone(), flat(value)));
    texts.filter(|(_, text)| text.len() <= MAX_VALUE).collect()
}

fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn violations(problem: &Value) -> Vec<FieldViolation> {
    let mut room = MAX_VIOLATIONS;
    let entries = problem["errors"].as_array().into_iter().flatten();
    let fitting = entries.map(violation).take_while(|violation| {
        let size = violation.field.len() + violation.description.len() + violation.reason.len();
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    fitting.collect()
}

fn violation(entry: &Value) -> FieldViolation {
    let text = |member: &str| entry[member].as_str();
    let header = || text("header").map(|name| field_of_header(name).to_owned());
    let field = text("pointer").map(path).or_else(|| text("parameter").map(str::to_owned)).or_else(header);
    FieldViolation {
        field: field.unwrap_or_default(),
        description: text("detail").unwrap_or_default().to_owned(),
        reason: text("code").unwrap_or_default().to_owned(),
        localized_message: None,
    }
}

fn field_of_header(name: &str) -> &str {
    match name {
        "Idempotency-Key" => "request_id",
        "If-Match" => "etag",
        other => other,
    }
}

/// `/labels/3` is `labels[3]`.
fn path(pointer: &str) -> String {
    let segments = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
    segments.fold(String::new(), |path, segment| {
        let index = !path.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        match (index, path.is_empty()) {
            (true, _) => format!("{path}[{segment}]"),
            (false, true) => segment,
            (false, false) => format!("{path}.{segment}"),
        }
    })
}

/// The limit that was reached, by its name in `ratelimit-policy`.
fn quota(headers: &HeaderMap) -> String {
    let policy = headers.get("ratelimit-policy").and_then(|value| value.to_str().ok()).unwrap_or_default();
    policy.split(';').next().unwrap_or_default().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_paths_of_fields() {
        assert_eq!(path("/labels/3"), "labels[3]");
        assert_eq!(path("/commands/0/data/due/at"), "commands[0].data.due.at");
        assert_eq!(path("/title"), "title");
        assert_eq!(path(""), "");
    }

    #[test]
    fn what_is_too_much_for_metadata_is_left_out() {
        let entry = serde_json::json!({"pointer": "/title", "code": "X", "detail": "d".repeat(100)});
        let problem = serde_json::json!({"errors": vec![entry; 100], "events": "e".repeat(1000), "allowed": ["a", "b"]});
        let details = details(Grpc::InvalidArgument, &problem, &HeaderMap::new(), "en");
        let listed = details.bad_request().unwrap().field_violations.len();
        assert!((20..40).contains(&listed), "{listed}");
        let metadata = &details.error_info().unwrap().metadata;
        assert_eq!(metadata.get("allowed").map(String::as_str), Some("a,b"));
        assert!(!metadata.contains_key("events"));
    }
}
