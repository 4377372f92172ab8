//! Cross-origin calls: only from the origins that the operator named, never with credentials.

use std::str::FromStr;

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::static_value;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADERS: &str = "Accept-Language, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, \
                       Last-Event-ID, Prefer, traceparent";
const EXPOSED: &str = "ETag, Location, Position, Preference-Applied, Retry-After, Idempotent-Replayed, RateLimit, RateLimit-Policy";

/// The origin of a page: `https://app.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Whether the `Origin` header names this one.
    pub fn is(&self, header: &HeaderValue) -> bool {
        self.0 == header
    }
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an origin such as https://app.example.com (no path, no slash at the end)")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(plain) => {
                HeaderValue::from_str(text).map(Self).map_err(|_| InvalidOrigin)
            }
            _ => Err(InvalidOrigin),
        }
    }
}

pub(super) fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

pub(super) fn preflight() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Adds what the browser needs to see if the origin is one of ours; else nothing.
pub(super) fn expose(
    allowed: &[Origin],
    origin: Option<&HeaderValue>,
    preflight: bool,
    headers: &mut HeaderMap,
) {
    if allowed.is_empty() {
        return;
    }
    headers.append(header::VARY, static_value("Origin"));
    let Some(Origin(origin)) = allowed.iter().find(|Origin(one)| Some(one) == origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, static_value(EXPOSED));
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, static_value(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, static_value(HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, static_value("600"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for bad in ["", "null", "*", "app.example.com", "https://", "https://a/", "https://a b", "ftp://a"] {
            assert_eq!(bad.parse::<Origin>(), Err(InvalidOrigin), "{bad}");
        }
        assert!("https://app.example.com:8443".parse::<Origin>().is_ok());
    }
}
