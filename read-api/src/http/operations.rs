//! `GET /v1/operations`, `/v1/operations/{id}`

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::policy::Action;
use service::{
    http::{PrefersStream, Wait},
    operation::Operation,
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer, caller::Caller, failure::failed, fresh::MinPosition, paging::ListQuery, path::Id,
};
use crate::{
    ReadApi,
    model::Page,
    queries::{self, ANNOUNCEMENT, EXPORT, OperationCursor},
    streams::{Frame, Listener, Outlet},
    watched::Watched,
};

/// Long jobs, newest first.
#[utoipa::path(
    get, path = "/v1/operations", tag = "operations", operation_id = "list_operations",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Operation>, headers(
        ("Position" = i64, description = "All requests up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<OperationCursor> = paging.after()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let mut rows = queries::operations(&api.lists, after, paging.limit()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut rows, |(cursor, _)| *cursor)?;
    let items: Vec<Operation> = rows.into_iter().map(|(_, operation)| operation).collect();
    paging.answer(items, next_page_token, fresh)
}

/// One long job, or a stream of what becomes of it.
///
/// With `Accept: text/event-stream` the answer is a stream of server-sent events: at once and with every change one named
/// `progress` whose data is the operation; the last one, when the operation has ended, is named `ended`. A stream that is
/// closed before ends with an event named `closed` whose data is a problem: `TOKEN_EXPIRED` say, or `FELL_BEHIND`.
///
/// For operators; auditors see exports, and whoever has a webhook its replays. An announcement that was given a time is an operation of the same
/// id, for announcers too; it is not in the list.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(
        ("id" = Uuid, Path, description = "The operation's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
        ("Prefer" = Option<String>, Header, nullable = false,
            description = "`wait=10`: answer when it has ended, or after so many seconds (24 at most)"),
    ),
    responses((status = 200, description = "As it stands, or a stream of how it goes on",
        content((Operation = "application/json"), (String = "text/event-stream")),
        headers(
            ("Position" = i64, description = "All requests up to here are in the answer"),
            ("Preference-Applied" = String, description = "`wait=` and the seconds that were granted"),
        ),
    )),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    PrefersStream(streaming): PrefersStream,
    wait: Wait,
    listener: Listener,
    mut query: Query,
) -> Result<Response, Problem> {
    let may = |action| caller.may(action);
    may(Action::Operate)
        .or_else(|_| may(Action::WebhookControl))
        .or_else(|_| may(Action::AnnouncementManage))
        .or_else(|_| may(Action::AuditRead))?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_all_operations(&api).await?;
    let watched = Watched::find(&api, id).await.map_err(failed)?;
    let mut watched = visible(&api, caller, watched).await?.ok_or(Code::NotFound)?;
    let mut response = if streaming {
        listener.listen(|outlet| tell(watched, outlet))?
    } else {
        stand(&mut watched, wait).await?
    };
    fresh.tell(response.headers_mut());
    // Caches must not give one client what another has asked for.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// Operators see all operations, announcers announcements, auditors exports, others the replays of their webhooks, and learn of no more.
async fn visible(
    api: &ReadApi,
    caller: Caller,
    watched: Option<Watched>,
) -> Result<Option<Watched>, Problem> {
    if caller.may(Action::Operate).is_ok() {
        return Ok(watched);
    }
    let watched = watched.ok_or(Code::Forbidden)?;
    let operation = watched.operation();
    let theirs = match operation.kind.as_str() {
        ANNOUNCEMENT => caller.may(Action::AnnouncementManage).is_ok(),
        EXPORT => caller.may(Action::AuditRead).is_ok(),
        _ => queries::replays_own_webhook(&api.points, operation, caller.id).await.map_err(failed)?,
    };
    if theirs { Ok(Some(watched)) } else { Err(Code::Forbidden.into()) }
}

/// How it stands, or has ended if the client would wait for that.
async fn stand(watched: &mut Watched, wait: Wait) -> Result<Response, Problem> {
    if let Some(limit) = wait.limit() {
        watched.end_within(limit).await?;
    }
    let mut response = Answer::json(watched.operation())?.into_response();
    wait.tell(response.headers_mut());
    Ok(response)
}

/// Tells how it stands, again and again, until it has ended.
async fn tell(mut watched: Watched, outlet: Outlet) -> Result<(), Problem> {
    while !watched.operation().has_ended() {
        outlet.send(frame("progress", watched.operation())?).await?;
        watched.change().await?;
    }
    outlet.send(frame("ended", watched.operation())?).await
}

fn frame(event: &str, operation: &Operation) -> Result<Frame, Problem> {
    Frame::json(event, operation).map_err(Problem::internal)
}
