//! From what a handler returned to what the client gets.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};

use super::{REQUEST_ID, static_value};
use crate::{
    grpc,
    problem::{Code, MEDIA_TYPE, Problem},
    request::RequestContext,
};

pub(super) fn finish(answer: Response, method: &Method, context: &RequestContext) -> Response {
    let mut response = match problem_of(&answer) {
        Some(problem) => {
            log(&problem, context);
            if context.speaks_grpc() {
                return grpc::status(&problem, context).into_http();
            }
            write(&problem, answer, method, context)
        }
        None => answer,
    };
    add_headers(response.headers_mut(), context);
    response
}

/// The problem that a handler returned, or one that stands for a bare refusal by the framework.
fn problem_of(answer: &Response) -> Option<Problem> {
    if let Some(problem) = answer.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let status = answer.status();
    let refused = status.is_client_error() || status.is_server_error();
    (refused && is_bare(answer.headers())).then(|| Problem::new(code_for(status)))
}

fn is_bare(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| value.as_bytes().starts_with(b"text/plain"))
}

/// The framework refuses path parameters with 400; of codes that share a status, the general one stands.
fn code_for(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::InvalidId,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::Forbidden,
        StatusCode::CONFLICT => Code::StateConflict,
        StatusCode::UNPROCESSABLE_ENTITY => Code::ValidationFailed,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        other => Code::ALL.iter().copied().find(|code| code.status() == other).unwrap_or(Code::Internal),
    }
}

fn log(problem: &Problem, context: &RequestContext) {
    let (code, id) = (problem.code().as_str(), context.request_id());
    match problem.cause() {
        Some(cause) if problem.status().is_server_error() => {
            tracing::error!(code, request = %id, path = context.path(), cause = %chain(cause), "request failed");
        }
        Some(cause) => tracing::debug!(code, request = %id, cause = %chain(cause), "request refused"),
        None => tracing::debug!(code, request = %id, "request refused"),
    }
}

fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn write(problem: &Problem, answer: Response, method: &Method, context: &RequestContext) -> Response {
    let document = problem.to_json(context).to_string();
    let length = HeaderValue::from(document.len());
    let body = if method == Method::HEAD { Body::empty() } else { Body::from(document) };
    let (mut parts, _) = answer.into_parts();
    parts.status = problem.status();
    parts.headers.insert(header::CONTENT_TYPE, static_value(MEDIA_TYPE));
    parts.headers.insert(header::CONTENT_LENGTH, length);
    parts.headers.insert(header::CONTENT_LANGUAGE, static_value(context.language().tag()));
    for (name, value) in problem.headers() {
        parts.headers.append(name, value.clone());
    }
    Response::from_parts(parts, body)
}

fn add_headers(headers: &mut HeaderMap, context: &RequestContext) {
    if let Ok(id) = HeaderValue::from_str(&context.request_id().to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, static_value("nosniff"));
    headers.insert(header::REFERRER_POLICY, static_value("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, static_value("DENY"));
    if context.path().starts_with("/v1/") && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, static_value("private, no-cache"));
    }
}
