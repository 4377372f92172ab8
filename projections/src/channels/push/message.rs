//! A message within the size that Google takes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

/// Bytes of notification and data together.
pub const MAX_PAYLOAD: usize = 4096;
const CUT: char = '…';

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Of the event. A message that comes twice replaces itself on the device by it.
    pub id: Uuid,
    /// One line.
    pub title: String,
    /// Shortened where it does not fit.
    pub body: String,
    /// For the app: ids and kinds, nothing that may be cut.
    pub data: BTreeMap<String, String>,
}

/// Even without a body it does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message has more than {MAX_PAYLOAD} bytes of data")]
pub struct TooLarge;

impl Note {
    /// The message to one device; first the body is shortened, then the title, by characters.
    pub(super) fn message(&self, token: &str) -> Result<Value, TooLarge> {
        let data = self.data();
        let fits = |title: &str, body: &str| size(title, body, &data) <= MAX_PAYLOAD;
        let body = shortened(&self.body, |body| fits(&self.title, body));
        let (title, body) = match body {
            Some(body) => (self.title.clone(), body),
            None => (shortened(&self.title, |title| fits(title, "")).ok_or(TooLarge)?, String::new()),
        };
        Ok(json!({"message": {
            "token": token,
            "notification": notification(&title, &body),
            "data": data,
            "android": {"notification": {"tag": self.id}},
            "apns": {"headers": {"apns-collapse-id": self.id}},
        }}))
    }

    fn data(&self) -> Value {
        let mut data = self.data.clone();
        data.insert("event_id".to_owned(), self.id.to_string());
        json!(data)
    }
}

fn notification(title: &str, body: &str) -> Value {
    json!({"title": title, "body": body})
}

/// As JSON, which is never less than what is counted.
fn size(title: &str, body: &str, data: &Value) -> usize {
    notification(title, body).to_string().len() + data.to_string().len()
}

/// The longest beginning that fits, with a mark where it was cut; None when not even nothing fits.
fn shortened(text: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    if fits(text) {
        return Some(text.to_owned());
    }
    let ends: Vec<usize> = text.char_indices().map(|(index, _)| index).collect();
    let cut = |end: usize| format!("{}{CUT}", text[..end].trim_end());
    let fitting = ends.partition_point(|end| fits(&cut(*end)));
    match fitting.checked_sub(1) {
        Some(last) => Some(cut(ends[last])),
        None => fits("").then(String::new),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(title: &str, body: &str) -> Note {
        let data = BTreeMap::from([("task".to_owned(), Uuid::nil().to_string())]);
        Note { id: Uuid::nil(), title: title.to_owned(), body: body.to_owned(), data }
    }

    fn text<'a>(message: &'a Value, member: &str) -> &'a str {
        message["message"]["notification"][member].as_str().unwrap()
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        let message = note("Assigned", "Paint the fence").message("t0k").unwrap();
        assert_eq!(message["message"]["token"], "t0k");
        assert_eq!((text(&message, "title"), text(&message, "body")), ("Assigned", "Paint the fence"));
        assert_eq!(message["message"]["data"]["event_id"], Uuid::nil().to_string());
    }

    #[test]
    fn long_texts_use_all_the_room_there_is() {
        for body in ["a".repeat(9_000), "한".repeat(4_000), "🦀".repeat(4_000)] {
            let message = note("Title", &body).message("t").unwrap();
            let size = size("Title", text(&message, "body"), &message["message"]["data"]);
            assert!(text(&message, "body").ends_with(CUT));
            assert!((MAX_PAYLOAD - 3..=MAX_PAYLOAD).contains(&size), "{size}");
        }
    }

    #[test]
    fn titles_are_cut_last_and_data_never() {
        let message = note(&"t".repeat(9_000), "body").message("t").unwrap();
        assert_eq!(text(&message, "body"), "");
        assert!(text(&message, "title").ends_with(CUT));
        let mut note = note("", "");
        note.data.insert("much".to_owned(), "x".repeat(MAX_PAYLOAD));
        assert_eq!(note.message("t"), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits(title in ".{0,3000}", body in "\\PC{0,3000}|[\\x00-\\x1f\"\\\\]{0,3000}") {
            let message = note(&title, &body).message("t").unwrap();
            let (short_title, short_body) = (text(&message, "title"), text(&message, "body"));
            prop_assert!(size(short_title, short_body, &message["message"]["data"]) <= MAX_PAYLOAD);
            for (short, long) in [(short_title, &title), (short_body, &body)] {
                let kept = short.strip_suffix(CUT).unwrap_or(short);
                prop_assert!(long.starts_with(kept));
            }
        }
    }
}
