//! `GET /v1/audit/trace/{of}`

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use domain::{filter::Traced, policy::Action};
use service::problem::{Code, Problem};

use super::{
    answer::Answer,
    caller::Caller,
    counting::counting,
    failure::{failed, untold},
    paging::ListQuery,
};
use crate::{
    ReadApi,
    model::Trace,
    queries::{intent, trace, trace_count},
};

/// What an intent has set off: the tree of its events, each with the event above it, and every mail, message, call and webhook with
/// its outcome below the event that caused it. Asked for by a position it also says what that event was caused by.
#[utoipa::path(
    get, path = "/v1/audit/trace/{of}", tag = "audit", operation_id = "get_trace",
    params(
        ("of" = String, Path, description = "The position of any event of the intent, or its `correlation_id`"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = Trace, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Path(of): Path<String>,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let of = Traced::parse(&of).map_err(|_| Code::InvalidId)?;
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let after = paging.after()?.unwrap_or(0);
    let fresh = min_position.in_log(&api).await?;
    let (correlation, causes) = intent(&api.log, of).await.map_err(untold)?.ok_or(Code::NotFound)?;
    let found = trace(&api.log, &api.lists, correlation, after, paging.limit()).await;
    let mut items = found.map_err(untold)?;
    if items.is_empty() && after == 0 {
        return Err(Code::NotFound.into());
    }
    let next_page_token = paging.cut(&mut items, |entry| entry.position)?;
    let count = match counting {
        Some(counting) => Some(trace_count(&api.log, correlation, counting).await.map_err(failed)?),
        None => None,
    };
    let link = paging.next_link(&next_page_token);
    Ok(Answer::json(&Trace { items, next_page_token, causes, count })?.fresh(fresh).next(link))
}
