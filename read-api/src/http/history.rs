//! `GET /v1/tasks/{id}/history`, `/v1/users/{id}/history`

use axum::{extract::State, response::IntoResponse};
use service::{
    audit::Trail,
    problem::{Code, Problem},
};

use super::{
    answer::Answer,
    caller::Caller,
    counting::counting,
    failure::{failed, untold},
    fresh::{self, Fresh},
    paging::{ListQuery, Paging},
    path::{Id, TaskRef},
    task_get::visible,
    user_revisions::may_look_back,
};
use crate::{
    ReadApi,
    model::{CountedPage, HistoryEntry},
    queries::{
        self,
        history::{HistoryPage, task_history, task_history_count, user_history, user_history_count},
    },
};

/// Everything that happened to a task, newest first, from the log itself.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/history", tag = "history", operation_id = "get_task_history",
    params(
        ("id" = String, Path, description = "The task's id or key (`T-123`)"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50; a page may hold fewer"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = CountedPage<HistoryEntry>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn of_task(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    task: TaskRef,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let (task, fresh) = visible(&api, caller, &trail, task, min_position).await?;
    let before = paging.after()?.unwrap_or(i64::MAX);
    let page = task_history(&api.log, &api.points, task.task.id, before, paging.size()).await;
    let count = match counting {
        Some(counting) => Some(task_history_count(&api.log, task.task.id, counting).await.map_err(failed)?),
        None => None,
    };
    page_of(&paging, page.map_err(untold)?, count, fresh)
}

/// Everything that happened to a user, newest first; for the user himself, admins and auditors.
#[utoipa::path(
    get, path = "/v1/users/{id}/history", tag = "history", operation_id = "get_user_history",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50; a page may hold fewer"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = CountedPage<HistoryEntry>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("user.history"))),
)]
pub(super) async fn of_user(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    Id(user): Id,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    may_look_back(caller, &trail, user)?;
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let fresh = min_position.wait(&api, fresh::USERS).await?;
    let fresh = min_position.narrow(&api, fresh::USERS, user, fresh)?;
    let before = paging.after()?.unwrap_or(i64::MAX);
    queries::user(&api.points, user).await.map_err(failed)?.ok_or(Code::NotFound)?;
    let page = user_history(&api.log, &api.sealer, &api.points, user, before, paging.size()).await;
    let count = match counting {
        Some(counting) => Some(user_history_count(&api.log, user, counting).await.map_err(failed)?),
        None => None,
    };
    page_of(&paging, page.map_err(untold)?, count, fresh)
}

fn page_of(paging: &Paging, page: HistoryPage, count: Option<i64>, fresh: Fresh) -> Result<Answer, Problem> {
    let token = page.next_before.map(|before| paging.seal(&before));
    paging.counted(page.entries, token.transpose()?.unwrap_or_default(), count, fresh)
}
