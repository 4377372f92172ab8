//! `GET /v1/audit/role-holders`

use axum::{extract::State, response::IntoResponse};
use domain::{
    filter::{AsOf, HoldersAsked},
    policy::Action,
};
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::{
    asking::Asking,
    caller::Caller,
    counting::counting,
    failure::{failed, unlogged, untold},
    paging::ListQuery,
};
use crate::{
    ReadApi,
    model::{CountedPage, RoleHolder},
    queries::{role_holder_count, role_holders},
};

/// Who had a role at a moment, whether or not they could log in then.
#[utoipa::path(
    get, path = "/v1/audit/role-holders", tag = "audit", operation_id = "list_role_holders",
    params(
        ("role" = String, Query, description = "`admin`, `auditor`, `member` …"),
        ("as_of" = Option<String>, Query, nullable = false,
            description = "As the log had it at this position or time; now by default"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = CountedPage<RoleHolder>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let asked = HoldersAsked::read(&mut Asking(&mut query.filters));
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<Uuid> = paging.after()?;
    let fresh = min_position.in_log(&api).await?;
    let HoldersAsked { role, as_of } =
        asked.ok_or_else(|| Problem::internal("a role is missing unnoticed"))?;
    let at = position(&api, as_of, fresh.position).await?;
    let found = role_holders(&api.log, &api.lists, role, at, after, paging.limit()).await;
    let mut items = found.map_err(untold)?;
    let next_page_token = paging.cut(&mut items, |holder| holder.user.id)?;
    let count = match counting {
        Some(counting) => Some(role_holder_count(&api.log, role, at, counting).await.map_err(failed)?),
        None => None,
    };
    paging.counted(items, next_page_token, count, fresh)
}

/// Where in the log that moment is, which ends there; its end, if none is asked for.
pub(super) async fn position(api: &ReadApi, as_of: Option<AsOf>, head: i64) -> Result<i64, Problem> {
    match as_of {
        None => Ok(head),
        Some(AsOf::Position(position)) if position > head => {
            Err(Problem::new(Code::PositionAhead).with("head", head))
        }
        Some(AsOf::Position(position)) => Ok(position),
        Some(AsOf::Time(time)) => api.log.position_at(time).await.map_err(unlogged),
    }
}
