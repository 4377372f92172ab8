//! What records say of what a request asked for: no more than may be kept of it.

use uuid::Uuid;

use super::Target;
use crate::query::decode;

/// Of what a read asked for so many characters are kept.
const MAX_QUERY: usize = 2_000;

/// Parameters that are searched for in texts: what is searched for may be the name of somebody.
const TEXTS: [&str; 5] = ["q", "text", "old", "new", "user_agent"];

/// What a read asked for, as it was written, but for texts, which stand in no key that an erasure would destroy; where its page
/// begins says nothing.
pub(super) fn question(query: &str) -> String {
    let said = query.split('&').filter(|pair| !pair.starts_with("page_token="));
    let said = said.map(|pair| match pair.split_once('=') {
        Some((name, value)) if TEXTS.contains(&name) || name == "filter" && looks_for_text(value) => {
            format!("{name}=…")
        }
        _ => pair.to_owned(),
    });
    cut(&said.collect::<Vec<_>>().join("&"))
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(MAX_QUERY).collect()
}

/// Whether a filter searches in texts too.
fn looks_for_text(filter: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    decode(filter).is_none_or(|text| text.split(|c| !is_part(c)).any(|word| TEXTS.contains(&word)))
}

/// The first object that the path names. What is no identifier could be anything, and is left out.
pub(super) fn target(template: &str, path: &str) -> Option<Target> {
    let mut kind = "";
    for (named, given) in template.split('/').zip(path.split('/')) {
        if named.starts_with('{') {
            let kind = kind.strip_suffix('s').unwrap_or(kind);
            return is_identifier(given).then(|| Target::new(kind, given));
        }
        kind = named;
    }
    None
}

/// A UUID, or a key such as T-123.
fn is_identifier(text: &str) -> bool {
    let number =
        |digits: &str| (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    Uuid::try_parse(text).is_ok() || text.strip_prefix("T-").is_some_and(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_are_kept_of_paths() {
        let target = |template: &str, path: &str| {
            target(template, path).map(|Target { kind, id }| format!("{kind} {id}"))
        };
        let task = "/v1/tasks/{id}/comments/{comment}";
        let id = "0191c7a0-0000-7000-8000-000000000000";
        assert_eq!(target(task, &format!("/v1/tasks/{id}/comments/x")), Some(format!("task {id}")));
        assert_eq!(target(task, "/v1/tasks/T-12/comments/x"), Some("task T-12".to_owned()));
        for other in ["kim@example.org", "T-", "T-x", "T-99999999999999999999"] {
            assert_eq!(target(task, &format!("/v1/tasks/{other}/comments/x")), None);
        }
        assert_eq!(target("/v1/tasks", "/v1/tasks"), None);
    }

    #[test]
    fn of_texts_that_are_searched_for_only_that_there_was_one_is_kept() {
        for (asked, kept) in [
            ("action=task.&text=Kim&page_token=x", "action=task.&text=…"),
            ("filter=outcome%20%3D%20denied", "filter=outcome%20%3D%20denied"),
            ("filter=outcome%3Ddenied+AND+NOT+old%3AKim&crud=read", "filter=…&crud=read"),
            ("filter=user_agent%3Dkims", "filter=…"),
        ] {
            assert_eq!(question(asked), kept);
        }
    }
}
