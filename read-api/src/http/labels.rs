//! `GET /v1/labels`

use axum::{extract::State, response::IntoResponse};
use domain::policy::Action;
use service::problem::Problem;

use super::{caller::Caller, failure::failed, fresh, paging::ListQuery};
use crate::{
    ReadApi,
    model::{Label, Page},
    queries,
};

/// The labels of tasks that the caller sees, in the order of their bytes.
#[utoipa::path(
    get, path = "/v1/labels", tag = "tasks", operation_id = "list_labels",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Label>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::TaskRead)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<String> = paging.after()?;
    let fresh = min_position.wait(&api, fresh::TASKS).await?;
    let after = after.unwrap_or_default();
    let labels = queries::labels(&api.lists, caller.sight(), &after, paging.limit()).await;
    let mut items = labels.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |last| last.label.clone())?;
    paging.answer(items, next_page_token, fresh)
}
