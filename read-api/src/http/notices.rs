//! `GET /v1/notifications`, `/v1/notification-preferences`

use std::collections::BTreeMap;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{
    notification::{Category, Channel, ClockTime},
    policy::Action,
    time::TimeZone,
    user::User,
};
use event_store::load;
use service::{
    http::{PrefersStream, headers::IfNoneMatch},
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    caller::Caller,
    failure::{failed, unloaded},
    fresh::MinPosition,
    notice_stream,
    paging::ListQuery,
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{Inbox, NotificationWishes},
    queries::{self, NoticeCursor},
    streams::Listener,
};

/// What one is told inside the product, the newest first, or a stream of it.
///
/// With `Accept: text/event-stream` the answer is a stream of server-sent events: `notice` with a notice as data, in the order in
/// which they came, `unread` with how many are not read, at once and whenever that has changed, and `caught_up` when everything
/// up to its id was told. It takes `after` and no other parameter. A stream that is closed ends with an event named `closed`
/// whose data is a problem: `TOKEN_EXPIRED` say, or `FELL_BEHIND`.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications", operation_id = "list_notifications",
    params(
        ("unread" = Option<bool>, Query, nullable = false, description = "`true`: only what was not read"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
        ("after" = Option<i64>, Query, nullable = false,
            description = "Streams only: the id of an event of such a stream, to go on behind it; 0 is the beginning. From now on by default"),
        ("Last-Event-ID" = Option<i64>, Header, nullable = false,
            description = "Streams only: the last id that came; goes before `after`"),
    ),
    responses((status = 200, description = "A page, or a stream of what comes",
        content((Inbox = "application/json"), (String = "text/event-stream")),
        headers(
            ("Position" = i64, description = "All events up to here are told; not of streams"),
            ("Link" = String, description = "The next page, `rel=\"next\"`"),
        ),
    )),
    extensions(("x-policy" = json!("user.edit"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    PrefersStream(streaming): PrefersStream,
    listener: Listener,
    headers: HeaderMap,
    query: ListQuery,
) -> Result<Response, Problem> {
    own(caller)?;
    let mut response = if streaming {
        notice_stream::open(&api, caller, listener, &headers, query.filters).await?
    } else {
        page(&api, caller, query).await?
    };
    // Caches must not give one client what another has asked for.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

async fn page(api: &ReadApi, caller: Caller, mut query: ListQuery) -> Result<Response, Problem> {
    let only = query.filters.one("unread", |word| one_of(&[("true", true), ("false", false)], word));
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<NoticeCursor> = paging.after()?;
    let fresh = min_position.wait_for_notices(api).await?;
    let mine = (caller.id, caller.sight());
    let found = queries::notices(&api.lists, mine, only.unwrap_or(false), after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let unread = queries::unread(&api.lists, caller.id, caller.sight()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, NoticeCursor::of)?;
    let link = paging.next_link(&next_page_token);
    Ok(Answer::json(&Inbox { items, next_page_token, unread })?.fresh(fresh).next(link).into_response())
}

/// What one wants to be told, by what ways, and when; with what is by default.
#[utoipa::path(
    get, path = "/v1/notification-preferences", tag = "notifications", operation_id = "get_notification_preferences",
    params(
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = NotificationWishes, headers(
        ("ETag" = String, description = "The version, quoted"),
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("user.edit"))),
)]
pub(super) async fn preferences(
    State(api): State<ReadApi>,
    caller: Caller,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    own(caller)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let user = load::<User>(&api.log, caller.id).await.map_err(unloaded)?.aggregate;
    let answer = Answer::json(&shown(caller, &user))?.version(user.version).fresh(fresh);
    Ok(answer.unless(known.as_ref()))
}

/// Everybody's own, and nobody else's; not for keys.
fn own(caller: Caller) -> Result<(), Problem> {
    let mine = caller.can(Action::UserEdit, caller.relation_to(caller.id));
    if mine { Ok(()) } else { Err(Code::Forbidden.into()) }
}

fn shown(caller: Caller, user: &User) -> NotificationWishes {
    let wishes = &user.preferences;
    let modes = |category: &Category| -> BTreeMap<_, _> {
        Channel::ALL
            .iter()
            .map(|channel| (channel.as_str(), wishes.mode(*category, *channel).as_str()))
            .collect()
    };
    NotificationWishes {
        id: caller.id,
        version: user.version,
        channels: Category::ALL.iter().map(|category| (category.as_str(), modes(category))).collect(),
        quiet_hours: wishes.quiet_hours.map(Into::into),
        time_zone: wishes.time_zone.or(user.time_zone).unwrap_or(TimeZone::UTC).as_str().to_owned(),
        digest_time: wishes.digest_time.unwrap_or(ClockTime::EIGHT).to_string(),
    }
}
