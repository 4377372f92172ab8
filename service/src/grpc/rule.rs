//! `google.api.http`: which HTTP request a method is. Of its language only what is used here: whole segments are variables.

use std::fmt::Write;

use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::DynamicMessage;

const VERBS: [(&str, Method); 5] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("patch", Method::PATCH),
];
/// What stays as it is in a segment of a path and in a query.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Verb, path and whether the message is the body.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    verb: Method,
    template: String,
    has_body: bool,
}

impl Rule {
    /// Reads a `google.api.HttpRule`.
    pub(super) fn read(rule: &DynamicMessage) -> Option<Self> {
        let text = |field: &str| rule.get_field_by_name(field)?.as_str().map(str::to_owned);
        let (name, verb) = VERBS.into_iter().find(|(name, _)| rule.has_field_by_name(name))?;
        Some(Self { verb, template: text(name)?, has_body: text("body").as_deref() == Some("*") })
    }

    pub(super) fn verb(&self) -> &Method {
        &self.verb
    }

    pub(super) fn template(&self) -> &str {
        &self.template
    }

    pub(super) fn has_body(&self) -> bool {
        self.has_body
    }

    /// The path with its variables filled in; the name of one that is empty.
    pub(super) fn path(&self, mut value: impl FnMut(&str) -> String) -> Result<String, String> {
        let mut path = String::new();
        for segment in self.template.split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                None => path.push_str(segment),
                Some(name) => match value(name) {
                    text if text.is_empty() => return Err(name.to_owned()),
                    text => push_value(&mut path, &text),
                },
            }
        }
        Ok(path)
    }
}

/// A value must not be taken for a word of another route (`counts`): such words are written in another way.
fn push_value(path: &mut String, text: &str) {
    let word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let (first, rest) = text.split_at(usize::from(word));
    for byte in first.bytes() {
        let _ = write!(path, "%{byte:02X}");
    }
    path.extend(utf8_percent_encode(rest, ENCODED));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(template: &str, value: &str) -> Result<String, String> {
        let rule = Rule { verb: Method::GET, template: template.to_owned(), has_body: false };
        rule.path(|_| value.to_owned())
    }

    #[test]
    fn variables_stay_within_their_segment() {
        let good = [
            ("T-12", "/v1/tasks/T-12/comments"),
            ("a/b?c#d", "/v1/tasks/a%2Fb%3Fc%23d/comments"),
            ("..", "/v1/tasks/%2E%2E/comments"),
            ("한", "/v1/tasks/%ED%95%9C/comments"),
        ];
        for (value, expected) in good {
            assert_eq!(path("/v1/tasks/{id}/comments", value).unwrap(), expected);
        }
        assert_eq!(path("/v1/tasks/{id}", ""), Err("id".to_owned()));
    }

    #[test]
    fn no_value_is_a_word_of_another_route() {
        assert_eq!(path("/v1/tasks/{id}", "counts").unwrap(), "/v1/tasks/%63ounts");
        assert_eq!(path("/v1/users/{id}", "me").unwrap(), "/v1/users/%6De");
    }
}
