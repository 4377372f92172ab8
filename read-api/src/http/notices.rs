//! `GET /v1/notifications`, `/v1/notification-preferences`

use std::collections::BTreeMap;

use axum::{
    extract::State,
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
    http::headers::IfNoneMatch,
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    caller::Caller,
    failure::{failed, unloaded},
    fresh::MinPosition,
    paging::ListQuery,
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{Inbox, NotificationWishes},
    queries::{self, NoticeCursor},
};

/// What one is told inside the product, the newest first.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications", operation_id = "list_notifications",
    params(
        ("unread" = Option<bool>, Query, nullable = false, description = "`true`: only what was not read"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Inbox, headers(
        ("Position" = i64, description = "All events up to here are told"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("user.edit"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    own(caller)?;
    let only = query.filters.one("unread", |word| one_of(&[("true", true), ("false", false)], word));
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<NoticeCursor> = paging.after()?;
    let fresh = min_position.wait_for_notices(&api).await?;
    let mine = (caller.id, caller.sight());
    let found = queries::notices(&api.lists, mine, only.unwrap_or(false), after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let unread = queries::unread(&api.lists, caller.id, caller.sight()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, NoticeCursor::of)?;
    let link = paging.next_link(&next_page_token);
    Ok(Answer::json(&Inbox { items, next_page_token, unread })?.fresh(fresh).next(link))
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
