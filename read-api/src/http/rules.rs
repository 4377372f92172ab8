//! `GET /v1/notification-rules`, `/v1/notification-rules/{id}`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::policy::Action;
use service::{
    http::headers::IfNoneMatch,
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    caller::Caller,
    failure::{unloaded, unlogged},
    fresh::MinPosition,
    paging::ListQuery,
    path::Id,
};
use crate::{
    ReadApi,
    model::{NotificationRule, Page},
    queries,
};

/// The notification rules that somebody has made, the oldest first. The defaults are not among them.
#[utoipa::path(
    get, path = "/v1/notification-rules", tag = "notifications", operation_id = "list_notification_rules",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50; a page may hold fewer"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<NotificationRule>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("notification_rule.manage"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::NotificationRuleManage)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: i64 = paging.after()?.unwrap_or(0);
    let fresh = min_position.in_log(&api).await?;
    let mut made = queries::rules_made(&api.log, after, paging.limit()).await.map_err(unlogged)?;
    let next_page_token = paging.cut(&mut made, |(position, _)| *position)?;
    let mut items = Vec::with_capacity(made.len());
    for (_, id) in made {
        items.extend(queries::rule(&api.log, id).await.map_err(unloaded)?);
    }
    paging.answer(items, next_page_token, fresh)
}

/// One notification rule.
#[utoipa::path(
    get, path = "/v1/notification-rules/{id}", tag = "notifications", operation_id = "get_notification_rule",
    params(
        ("id" = Uuid, Path, description = "The rule's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = NotificationRule, headers(
        ("ETag" = String, description = "The version, quoted"),
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("notification_rule.manage"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::NotificationRuleManage)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let rule = queries::rule(&api.log, id).await.map_err(unloaded)?.ok_or(Code::NotFound)?;
    Ok(Answer::json(&rule)?.version(rule.version).fresh(fresh).unless(known.as_ref()))
}
