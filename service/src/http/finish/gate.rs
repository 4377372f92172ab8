//! What is refused before any handler sees it.

use axum::http::{HeaderMap, HeaderValue, Method, header, request::Parts};

use crate::{
    http::{EVENT_STREAM, negotiate::Naming},
    problem::{Code, Problem, weighted},
};

/// Longer targets are refused (bytes).
const MAX_URI: usize = 8 * 1024;
/// What routes under `/v1` answer with.
const OFFERED: [&str; 5] =
    ["application/json", "application/problem+json", EVENT_STREAM, "text/csv", "application/x-ndjson"];

/// The refusal of a request whose head alone shows that it cannot be served.
pub(super) fn refuse(parts: &Parts) -> Option<Problem> {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_URI {
        return Some(Code::UriTooLong.into());
    }
    if matches!(parts.method, Method::TRACE | Method::CONNECT) {
        let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        return Some(Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allow));
    }
    let acceptable = !parts.uri.path().starts_with("/v1/") || accepts_ours(&parts.headers);
    (!acceptable).then(|| Code::NotAcceptable.into())
}

fn accepts_ours(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    lines.peek().is_none() || lines.filter_map(|line| line.to_str().ok()).any(any_of_ours)
}

fn any_of_ours(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let (range, quality) = weighted(range);
        quality > 0 && OFFERED.iter().any(|offered| Naming::of(range, offered).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_must_be_acceptable() {
        for good in ["*/*", "application/*", "application/json;q=0.5", "text/html, */*;q=0.1"] {
            assert!(any_of_ours(good), "{good}");
        }
        for bad in ["image/png", "application/json;q=0", "text/html", "", "*"] {
            assert!(!any_of_ours(bad), "{bad}");
        }
    }
}
