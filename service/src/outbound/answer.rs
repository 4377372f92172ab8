//! What came back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::de::DeserializeOwned;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Any; redirects are not followed.
    pub status: StatusCode,
    /// At most 64.
    pub headers: HeaderMap,
    /// Within the client's limit.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON of a known shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// How long its sender wants to be left alone, in seconds or as a date (RFC 9110, 10.2.3); a date gone by is zero.
    pub fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
        Some((until - now).to_std().unwrap_or_default())
    }

    /// The beginning of the body as text that can be stored and shown: at most `bytes`, replacement characters for what is no
    /// text.
    pub fn excerpt(&self, bytes: usize) -> String {
        excerpt(&self.body, bytes)
    }
}

fn excerpt(body: &[u8], bytes: usize) -> String {
    // A replacement is longer than what it stands for, and the cut may split a character.
    let text = String::from_utf8_lossy(&body[..body.len().min(bytes)]);
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c };
    let mut text: String = text.chars().map(shown).collect();
    text.truncate(text.floor_char_boundary(bytes));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn retry_after(text: &str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        let answer = Answer { status: StatusCode::SERVICE_UNAVAILABLE, headers, body: Vec::new() };
        answer.retry_after("2026-11-21T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("0"), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(retry_after("Sat, 21 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Fri, 20 Nov 2026 10:00:30 GMT"), Some(Duration::ZERO));
        for bad in ["", "-1", "1.5", "soon", "2026-11-21", "1 2"] {
            assert_eq!(retry_after(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_excerpt_can_be_stored_and_shown() {
        assert_eq!(excerpt(b"ok\r\n\tyes\0\x1b[31m", 100), "ok\u{fffd}\n\tyes\u{fffd}\u{fffd}[31m");
        assert_eq!(excerpt("한국".as_bytes(), 3), "한");
        assert_eq!(excerpt(&[0xff; 9], 9).len(), 9);
    }

    proptest! {
        #[test]
        fn an_excerpt_is_never_longer_than_asked_for(body: Vec<u8>, bytes in 0_usize..64) {
            let text = excerpt(&body, bytes);
            prop_assert!(text.len() <= bytes && !text.contains('\0'));
        }
    }
}
