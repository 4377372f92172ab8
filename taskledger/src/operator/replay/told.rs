//! One event as one line for people.

use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ids::TaskKey;
use serde_json::Value;

/// Longer values are cut.
const LONGEST: usize = 60;

/// When, who, what it happened to, what happened.
pub(super) fn line(event: &RecordedEvent, key: Option<TaskKey>, actor: &str) -> String {
    let time = event.recorded_at.as_datetime().format("%Y-%m-%d %H:%M:%S%.3f");
    let what = event.event_type.replace(['.', '_'], " ");
    let of = key.map_or_else(|| event.aggregate_id.to_string(), |key| key.to_string());
    format!("{time}  {actor}  {of}  {what}{}", details(event.data.get()))
}

/// What the payload says in so many words; what is sealed or has parts of its own is left out.
fn details(payload: &str) -> String {
    let Ok(Value::Object(members)) = serde_json::from_str(payload) else { return String::new() };
    let told = members.iter().filter_map(|(name, value)| Some(format!("  {name}={}", told(value)?)));
    told.collect()
}

fn told(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.starts_with("s1.") => None,
        Value::String(text) => Some(short(text)),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One line of it, which no control character leads astray.
fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).filter(|c| !c.is_control()).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// A time that passed, roughly.
pub(super) fn span(passed: Duration) -> String {
    let seconds = passed.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_told_in_short_and_without_what_is_sealed() {
        let long = "x".repeat(70);
        let payload = format!(r#"{{"from":"a\u001b[1m","to":7,"name":"s1.k.x","list":[1],"text":"{long}"}}"#);
        let cut = format!("{}…", "x".repeat(LONGEST));
        assert_eq!(details(&payload), format!("  from=\"a[1m\"  text=\"{cut}\"  to=7"));
        assert_eq!(details("[]"), "");
    }

    #[test]
    fn spans_are_told_roughly() {
        for (seconds, expected) in [(7, "7 s"), (60, "1 min"), (3_720, "1 h 2 min"), (90_000, "1 d 1 h")] {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
