//! Request headers that commands and reads understand, parsed strictly.
//!
//! Handlers take them as `Option<IfMatch>`, `Option<IdempotencyKey>` and so on; a malformed one is 400.

use axum::{
    extract::OptionalFromRequestParts,
    http::{HeaderMap, HeaderValue, request::Parts},
};

use crate::problem::{Flaw, Problem, Violation};

/// An entity tag that names this version of an object.
pub fn etag(version: i64) -> HeaderValue {
    let tag = format!("\"{version}\"");
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `If-Match`: do it only to the version that the client has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever version there is.
    Any,
    /// One of these versions; weak or foreign tags match nothing and are left out.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Whether a command may go on at this version of an existing object.
    pub fn permits(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// `If-None-Match`: answer only if the client does not have it yet; `*` on a create: only if it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfNoneMatch {
    /// `*`: only if there is none.
    Any,
    /// The tags that the client has, without `W/` (weak comparison).
    Tags(Vec<String>),
}

impl IfNoneMatch {
    /// Whether the client has this tag (as [`etag`] writes it), so that 304 is the answer.
    pub fn has(&self, tag: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|known| known.as_bytes() == tag.as_bytes()),
        }
    }
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters, as a structured string or bare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a header value, or a gRPC `request_id`.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let key = match text.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or_else(malformed_key)?,
            None => text.to_owned(),
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&key.len()) { Ok(Self(key)) } else { Err(malformed_key()) }
    }
}

fn malformed_key() -> Flaw {
    Flaw::new("IDEMPOTENCY_KEY").detail("must have 1 to 255 visible ASCII characters")
}

/// The inside of a structured string (RFC 9651) up to its closing quote, which must end the text.
fn unquote(quoted: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            other => text.push(other),
        }
    }
}

/// The entity tags of a list, opaque part with its quotes, and whether each is weak; `None` if malformed.
fn entity_tags(text: &str) -> Option<Vec<(bool, &str)>> {
    let mut tags = Vec::new();
    let mut rest = text.trim();
    loop {
        let (weak, opaque) = rest.strip_prefix("W/").map_or((false, rest), |opaque| (true, opaque));
        let end = opaque.strip_prefix('"')?.find('"')? + 2;
        tags.push((weak, &opaque[..end]));
        rest = opaque[end..].trim_start();
        if rest.is_empty() {
            return Some(tags);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

fn malformed_tags() -> Flaw {
    Flaw::new("ENTITY_TAG").detail("must be * or a list of quoted entity tags")
}

fn parse_if_match(text: &str) -> Result<IfMatch, Flaw> {
    if text.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let tags = entity_tags(text).ok_or_else(malformed_tags)?;
    let strong = tags.into_iter().filter(|(weak, _)| !weak);
    Ok(IfMatch::Versions(strong.filter_map(|(_, tag)| tag.trim_matches('"').parse().ok()).collect()))
}

fn parse_if_none_match(text: &str) -> Result<IfNoneMatch, Flaw> {
    if text.trim() == "*" {
        return Ok(IfNoneMatch::Any);
    }
    let tags = entity_tags(text).ok_or_else(malformed_tags)?;
    Ok(IfNoneMatch::Tags(tags.into_iter().map(|(_, tag)| tag.to_owned()).collect()))
}

/// The lines of a header as one list; `None` if absent, a flaw if not ASCII.
pub(super) fn joined(headers: &HeaderMap, name: &str) -> Result<Option<String>, Flaw> {
    let lines: Result<Vec<&str>, _> = headers.get_all(name).iter().map(HeaderValue::to_str).collect();
    let lines = lines.map_err(|_| Flaw::new("NOT_ASCII").detail("must be ASCII"))?;
    Ok((!lines.is_empty()).then(|| lines.join(", ")))
}

fn read<T>(
    parts: &Parts,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, Flaw>,
) -> Result<Option<T>, Problem> {
    let value = joined(&parts.headers, name).and_then(|text| text.as_deref().map(parse).transpose());
    value.map_err(|flaw| Violation::header(name, flaw).into())
}

macro_rules! optional_headers {
    ($($header:ty = $name:literal, $parse:expr;)*) => {$(
        impl<S: Sync> OptionalFromRequestParts<S> for $header {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
                read(parts, $name, $parse)
            }
        }
    )*};
}

optional_headers! {
    IfMatch = "If-Match", parse_if_match;
    IfNoneMatch = "If-None-Match", parse_if_none_match;
    IdempotencyKey = "Idempotency-Key", IdempotencyKey::parse;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_compares_strongly() {
        let permits = |text: &str, version| parse_if_match(text).unwrap().permits(version);
        assert!(
            permits("\"7\"", 7) && permits("\"6\", \"7\"", 7) && permits("*", 7) && permits(" \"7\" ", 7)
        );
        assert!(!permits("\"6\"", 7) && !permits("W/\"7\"", 7) && !permits("\"abc\"", 7));
        for bad in ["", "7", "\"7", "\"7\" \"8\"", "\"7\",", "w/\"7\"", "7\""] {
            assert!(parse_if_match(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let has = |text: &str| parse_if_none_match(text).unwrap().has(&etag(7));
        assert!(has("\"7\"") && has("W/\"7\"") && has("\"1\",\"7\"") && has("*"));
        assert!(!has("\"77\""));
    }

    #[test]
    fn keys_are_structured_strings_or_bare() {
        let key = |text: &str| IdempotencyKey::parse(text).map(|key| key.0).ok();
        assert_eq!(key("8e03978e-40d5"), Some("8e03978e-40d5".to_owned()));
        assert_eq!(key("\"8e03978e-40d5\""), key("8e03978e-40d5"));
        assert_eq!(key("\"a\\\"b\""), Some("a\"b".to_owned()));
        let long = "k".repeat(256);
        for bad in ["", "\"\"", "a b", "\"a", "\"a\"b", "\"a\\n\"", "한글", "a\u{7f}", &long] {
            assert_eq!(key(bad), None, "{bad}");
        }
        assert!(key(&long[1..]).is_some());
    }
}
