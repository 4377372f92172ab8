//! `GET /v1/notifications` as a stream

use axum::{
    http::{HeaderMap, HeaderName},
    response::Response,
};
use serde::Serialize;
use serde_json::json;
use service::{
    problem::{Code, Flaw, Problem, Violation},
    query::Query,
};

use super::{caller::Caller, failure::failed};
use crate::{
    ReadApi,
    live_inbox::LiveInbox,
    queries,
    streams::{Frame, Listener, Outlet},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The caller's notices behind where a client says it is, or from now on, for as long as it listens.
pub(super) async fn open(
    api: &ReadApi,
    caller: Caller,
    listener: Listener,
    headers: &HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let after = query.one("after", place);
    query.finish()?;
    // A browser that connects again repeats the query.
    let after = last_event_id(headers)?.or(after);
    let newest = queries::newest_notice(&api.points, caller.id).await.map_err(failed)?;
    if after.is_some_and(|after| after > newest) {
        return Err(Code::PositionExpired.into());
    }
    let inbox = LiveInbox::open(api, (caller.id, caller.sight()), after.unwrap_or(newest));
    listener.listen(|outlet| tell(inbox, outlet))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let read = value.to_str().map_err(|_| Flaw::new("NOT_AN_INTEGER")).and_then(place);
    read.map(Some).map_err(|flaw| Violation::header("Last-Event-ID", flaw).into())
}

fn place(text: &str) -> Result<i64, Flaw> {
    let read = text.parse::<i64>().ok().filter(|place| *place >= 0);
    read.ok_or_else(|| Flaw::new("NOT_AN_INTEGER"))
}

/// Tells what is new, how many are not read when that changes, and that there is nothing more for now.
async fn tell(mut inbox: LiveInbox, outlet: Outlet) -> Result<(), Problem> {
    let mut unread = None;
    loop {
        let newest = inbox.change().await;
        tell_notices(&mut inbox, newest, &outlet).await?;
        let counted = inbox.unread().await.map_err(failed)?;
        if unread.replace(counted) != Some(counted) {
            outlet.send(frame(None, "unread", &json!({"unread": counted}))?).await?;
        }
        let told = inbox.told();
        outlet.send(frame(Some(told), "caught_up", &json!({"after": told}))?).await?;
    }
}

async fn tell_notices(inbox: &mut LiveInbox, up_to: i64, outlet: &Outlet) -> Result<(), Problem> {
    while inbox.told() < up_to {
        for (number, notice) in inbox.next(up_to).await.map_err(failed)? {
            outlet.send(frame(Some(number), "notice", &notice)?).await?;
        }
    }
    Ok(())
}

fn frame(place: Option<i64>, event: &str, data: &impl Serialize) -> Result<Frame, Problem> {
    let frame = match place {
        Some(place) => Frame::json_at(place, event, data),
        None => Frame::json(event, data),
    };
    frame.map_err(Problem::internal)
}
