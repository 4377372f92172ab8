//! Reading request bodies: media type, size, time.

use std::time::Duration;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    json::{self, Object},
    problem::{Code, Problem},
};

/// Bodies are at most this long (bytes) where nothing else is said.
pub const STANDARD_LIMIT: usize = 1024 * 1024;
/// Bodies of login and the like (bytes).
pub const LOGIN_LIMIT: usize = 4 * 1024;
/// The whole body must be there after this time.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The bytes of an `application/json` body; parsed by the handler, after authorisation and look-up of the key. No body at
/// all, of no type, is an object without members.
#[derive(Clone, Debug)]
pub struct RequestBody<const LIMIT: usize = STANDARD_LIMIT>(Bytes);

/// The bytes of an `application/merge-patch+json` body (`application/json` is accepted too).
#[derive(Clone, Debug)]
pub struct MergePatch(Bytes);

impl<const LIMIT: usize> RequestBody<LIMIT> {
    /// The body as it came, for the fingerprint.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Parses the body as one JSON object.
    pub fn object(&self) -> Result<Object<'_>, Problem> {
        json::parse_object(&self.0)
    }
}

impl MergePatch {
    /// The body as it came, for the fingerprint.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Parses the body as one JSON object.
    pub fn object(&self) -> Result<Object<'_>, Problem> {
        json::parse_object(&self.0)
    }
}

impl<S: Sync, const LIMIT: usize> FromRequest<S> for RequestBody<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !request.headers().contains_key(header::CONTENT_TYPE) {
            return nothing(request).await.map(Self);
        }
        check_media_type(request.headers(), &["application/json"])?;
        read(request, LIMIT).await.map(Self)
    }
}

impl<S: Sync> FromRequest<S> for MergePatch {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(request.headers(), &["application/merge-patch+json", "application/json"])?;
        read(request, STANDARD_LIMIT).await.map(Self)
    }
}

/// Whoever has nothing to say may leave the body away; whoever sends one names its type.
async fn nothing(request: Request) -> Result<Bytes, Problem> {
    match read(request, 0).await {
        Ok(_) => Ok(Bytes::from_static(b"{}")),
        Err(problem) if problem.code() == Code::BodyTooLarge => Err(Code::UnsupportedMediaType.into()),
        Err(problem) => Err(problem),
    }
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    // Nobody need send what is refused anyway.
    if announced_length(request.headers()) > limit as u64 {
        return Err(closing(Code::BodyTooLarge));
    }
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(READ_TIMEOUT, body).await {
        Err(_) => Err(closing(Code::RequestTimeout)),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(closing(Code::BodyTooLarge)),
        Ok(Err(error)) => Err(Problem::new(Code::InvalidJson).caused_by(error)),
    }
}

fn announced_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The rest of the body is not worth reading: the connection ends with the answer.
fn closing(code: Code) -> Problem {
    Problem::new(code).header(header::CONNECTION, axum::http::HeaderValue::from_static("close"))
}

fn check_media_type(headers: &HeaderMap, accepted: &[&str]) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let encoded = headers.contains_key(header::CONTENT_ENCODING);
    let good = content_type.is_some_and(|text| is_accepted(text, accepted)) && !encoded;
    if good { Ok(()) } else { Err(Code::UnsupportedMediaType.into()) }
}

/// The type must be one of ours; the only parameter is charset, the only charset UTF-8.
fn is_accepted(content_type: &str, accepted: &[&str]) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    accepted.iter().any(|one| essence.eq_ignore_ascii_case(one)) && parts.all(is_utf8_charset)
}

fn is_utf8_charset(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        let charset = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset") && charset.eq_ignore_ascii_case("utf-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_accepted() {
        let json = |text| is_accepted(text, &["application/json"]);
        assert!(json("application/json") && json("Application/JSON; charset=UTF-8"));
        assert!(json("application/json;charset=\"utf-8\""));
        for bad in [
            "",
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-7",
            "application/json; version=2",
            "application/json;",
            "application/jsonx",
            "application/merge-patch+json",
        ] {
            assert!(!json(bad), "{bad}");
        }
    }

    #[test]
    fn encoded_bodies_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        assert!(check_media_type(&headers, &["application/json"]).is_ok());
        headers.insert("content-encoding", "gzip".parse().unwrap());
        assert!(check_media_type(&headers, &["application/json"]).is_err());
    }
}
