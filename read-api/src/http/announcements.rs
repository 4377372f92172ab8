//! `GET /v1/announcements`, `/v1/announcements/{id}`, `…/preview`, `…/report`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{announcement::values::AnnouncementState, policy::Action};
use service::{
    http::headers::IfNoneMatch,
    problem::{Code, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer, caller::Caller, failure::failed, fresh::MinPosition, paging::ListQuery, path::Id,
    task_query::flaw,
};
use crate::{
    ReadApi,
    model::{Announcement, AnnouncementOutcome, CountedPage, Page, Person},
    queries::{self, AnnouncementCursor, AnnouncementRow},
};

const RIGHT: Action = Action::AnnouncementManage;

/// Announcements, the newest first.
#[utoipa::path(
    get, path = "/v1/announcements", tag = "announcements", operation_id = "list_announcements",
    params(
        ("state" = Option<String>, Query, nullable = false, description = "`draft`, `scheduled`, `sent` or `cancelled`"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Announcement>, headers(
        ("Position" = i64, description = "All changes of announcements up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("announcement.manage"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(RIGHT)?;
    let state = query.filters.one("state", |word| word.parse().map(AnnouncementState::as_str).map_err(flaw));
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<AnnouncementCursor> = paging.after()?;
    let fresh = min_position.wait_for_announcements(&api).await?;
    let found = queries::announcements(&api.lists, state, after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, AnnouncementCursor::of)?;
    paging.answer(items, next_page_token, fresh)
}

/// One announcement.
#[utoipa::path(
    get, path = "/v1/announcements/{id}", tag = "announcements", operation_id = "get_announcement",
    params(
        ("id" = Uuid, Path, description = "The announcement's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Announcement, headers(
        ("ETag" = String, description = "The version, quoted"),
        ("Position" = i64, description = "All changes of announcements up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("announcement.manage"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(RIGHT)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_announcements(&api).await?;
    let found = one(&api, id).await?.shown;
    Ok(Answer::json(&found)?.version(found.version).fresh(fresh).unless(known.as_ref()))
}

async fn one(api: &ReadApi, id: Uuid) -> Result<AnnouncementRow, Problem> {
    let found = queries::announcement(&api.points, id).await.map_err(failed)?;
    found.ok_or_else(|| Code::NotFound.into())
}

/// Whom an announcement would be told to if its time were now, and how many they are. What each wants to be told is not asked.
#[utoipa::path(
    get, path = "/v1/announcements/{id}/preview", tag = "announcements", operation_id = "preview_announcement",
    params(
        ("id" = Uuid, Path, description = "The announcement's id"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = CountedPage<Person>, headers(
        ("Position" = i64, description = "All changes of announcements up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("announcement.manage"))),
)]
pub(super) async fn preview(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(RIGHT)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<Uuid> = paging.after()?;
    let fresh = min_position.wait_for_announcements(&api).await?;
    let audience = one(&api, id).await?.audience;
    let found = queries::audience(&api.lists, &audience, after, paging.limit()).await;
    let (mut items, count) = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |person| person.id)?;
    let link = paging.next_link(&next_page_token);
    let page = CountedPage { items, next_page_token, count: Some(count) };
    Ok(Answer::json(&page)?.fresh(fresh).next(link))
}

/// What became of an announcement for each recipient, and how many they are; nobody before it is sent.
#[utoipa::path(
    get, path = "/v1/announcements/{id}/report", tag = "announcements", operation_id = "report_announcement",
    params(
        ("id" = Uuid, Path, description = "The announcement's id"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = CountedPage<AnnouncementOutcome>, headers(
        ("Position" = i64, description = "All changes of announcements up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("announcement.manage"))),
)]
pub(super) async fn report(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(RIGHT)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<Uuid> = paging.after()?;
    let fresh = min_position.wait_for_announcements(&api).await?;
    let announcement = one(&api, id).await?;
    let found = queries::outcomes(&api.lists, &announcement, after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |outcome| outcome.recipient.id)?;
    let link = paging.next_link(&next_page_token);
    let count = Some(announcement.shown.recipients.unwrap_or(0));
    Ok(Answer::json(&CountedPage { items, next_page_token, count })?.fresh(fresh).next(link))
}
