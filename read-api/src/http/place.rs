//! Where a client of a stream says it is.

use axum::http::{HeaderMap, HeaderName};
use service::problem::{Flaw, Problem, Violation};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a browser sends by itself when it connects again.
pub(super) fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let read = value.to_str().map_err(|_| Flaw::new("NOT_AN_INTEGER")).and_then(place);
    read.map(Some).map_err(|flaw| Violation::header("Last-Event-ID", flaw).into())
}

/// A number that came as `id` of an event, or 0.
pub(super) fn place(text: &str) -> Result<i64, Flaw> {
    let read = text.parse::<i64>().ok().filter(|place| *place >= 0);
    read.ok_or_else(|| Flaw::new("NOT_AN_INTEGER"))
}
