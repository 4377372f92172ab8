//! `GET /v1/tasks/counts`

use axum::{extract::State, response::IntoResponse};
use domain::policy::Action;
use service::{
    problem::{Flaw, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    caller::Caller,
    failure::failed,
    fresh::MinPosition,
    task_list::projections,
    task_query::{self, TaskFilterParams, one_of},
};
use crate::{
    ReadApi,
    model::Counts,
    queries::{self, GroupBy},
};

/// Tasks that the caller sees, counted by the values of one field.
///
/// The most frequent values first, the first 1,000 of them.
#[utoipa::path(
    get, path = "/v1/tasks/counts", tag = "tasks", operation_id = "count_tasks",
    params(
        ("group_by" = String, Query, description = "`status`, `assignee` or `label`"),
        TaskFilterParams,
    ),
    responses((status = 200, body = Counts, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn counts(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::TaskRead)?;
    let filter = task_query::filter(&mut query, caller);
    let group_by = group_by(&mut query);
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(&api, projections(&filter)).await?;
    let items = queries::count_by(&api.lists, &filter, caller.sight(), group_by).await.map_err(failed)?;
    Ok(Answer::json(&Counts { group_by: group_by.as_str(), items })?.fresh(fresh))
}

fn group_by(query: &mut Query) -> GroupBy {
    if !query.has("group_by") {
        query.refuse("group_by", Flaw::new("REQUIRED"));
    }
    query.one("group_by", |word| one_of(&GroupBy::WORDS, word)).unwrap_or(GroupBy::Status)
}
