//! `GET /v1/operations`, `/v1/operations/{id}`

use axum::{extract::State, response::IntoResponse};
use domain::policy::Action;
use service::{
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer, caller::Caller, failure::failed, fresh::MinPosition, paging::ListQuery, path::Id,
};
use crate::{
    ReadApi,
    model::{Operation, Page},
    queries::{self, OperationCursor},
};

/// Long jobs, newest first.
#[utoipa::path(
    get, path = "/v1/operations", tag = "operations", operation_id = "list_operations",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Operation>, headers(
        ("Position" = i64, description = "All requests up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<OperationCursor> = paging.after()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let mut rows = queries::operations(&api.lists, after, paging.limit()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut rows, |(cursor, _)| *cursor)?;
    let items: Vec<Operation> = rows.into_iter().map(|(_, operation)| operation).collect();
    paging.answer(items, next_page_token, fresh)
}

/// One long job.
#[utoipa::path(
    get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(
        ("id" = Uuid, Path, description = "The operation's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Operation, headers(
        ("Position" = i64, description = "All requests up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let operation = queries::operation(&api.points, id).await.map_err(failed)?.ok_or(Code::NotFound)?;
    Ok(Answer::json(&operation)?.fresh(fresh))
}
