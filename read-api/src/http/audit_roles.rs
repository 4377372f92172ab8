//! `GET /v1/audit/role-holders`

use axum::{extract::State, response::IntoResponse};
use chrono::{DateTime, Utc};
use domain::policy::{Action, Role};
use service::problem::{Code, Flaw, Problem};
use uuid::Uuid;

use super::{
    caller::Caller,
    counting::counting,
    failure::{failed, unlogged, untold},
    paging::ListQuery,
    task_query::flaw,
};
use crate::{
    ReadApi,
    model::{CountedPage, RoleHolder},
    queries::{role_holder_count, role_holders},
};

/// A moment of the log.
enum AsOf {
    Position(i64),
    Time(DateTime<Utc>),
}

fn as_of(text: &str) -> Result<AsOf, Flaw> {
    match text.parse::<i64>() {
        Ok(position) if position >= 0 => Ok(AsOf::Position(position)),
        _ => text.parse().map(AsOf::Time).map_err(|_| Flaw::new("NOT_A_TIME")),
    }
}

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
    let role = query.filters.one("role", |word| word.parse::<Role>().map_err(flaw));
    if !query.filters.has("role") {
        query.filters.refuse("role", Flaw::new("REQUIRED"));
    }
    let moment = query.filters.one("as_of", as_of);
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<Uuid> = paging.after()?;
    let fresh = min_position.in_log(&api).await?;
    let at = match moment {
        None => fresh.position,
        Some(AsOf::Position(position)) if position > fresh.position => {
            return Err(Problem::new(Code::PositionAhead).with("head", fresh.position));
        }
        Some(AsOf::Position(position)) => position,
        Some(AsOf::Time(time)) => api.log.position_at(time.into()).await.map_err(unlogged)?,
    };
    let role = role.unwrap_or(Role::Admin);
    let found = role_holders(&api.log, &api.lists, role, at, after, paging.limit()).await;
    let mut items = found.map_err(untold)?;
    let next_page_token = paging.cut(&mut items, |holder| holder.user.id)?;
    let count = match counting {
        Some(counting) => Some(role_holder_count(&api.log, role, at, counting).await.map_err(failed)?),
        None => None,
    };
    paging.counted(items, next_page_token, count, fresh)
}
