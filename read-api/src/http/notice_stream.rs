//! `GET /v1/notifications` as a stream

use axum::{http::HeaderMap, response::Response};
use serde::Serialize;
use serde_json::json;
use service::{
    problem::{Code, Problem},
    query::Query,
};

use super::{
    caller::Caller,
    failure::failed,
    place::{last_event_id, place},
};
use crate::{
    ReadApi,
    live_inbox::LiveInbox,
    queries,
    streams::{Frame, Listener, Outlet},
};

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
