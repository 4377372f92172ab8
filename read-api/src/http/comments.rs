//! `GET /v1/tasks/{id}/comments`

use axum::{extract::State, response::IntoResponse};
use service::{audit::Trail, problem::Problem};

use super::{caller::Caller, failure::failed, paging::ListQuery, path::TaskRef, task_get::visible};
use crate::{
    ReadApi,
    model::{Comment, Page},
    queries::{self, CommentCursor},
};

/// The comments on a task, oldest first.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/comments", tag = "tasks", operation_id = "list_comments",
    params(
        ("id" = String, Path, description = "The task's id or key (`T-123`)"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Comment>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    task: TaskRef,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    let (paging, min_position) = query.finish(caller)?;
    let (task, fresh) = visible(&api, caller, &trail, task, min_position).await?;
    let after: Option<CommentCursor> = paging.after()?;
    let comments = queries::comments(&api.lists, task.task.id, after, paging.limit()).await;
    let mut items = comments.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, CommentCursor::behind)?;
    paging.answer(items, next_page_token, fresh)
}
