//! `GET /v1/admin/projections`, `/v1/admin/parked-events`, `/v1/admin/processes`, `/v1/admin/schedules`, `/v1/admin/interface`

use axum::{extract::State, response::IntoResponse};
use chrono::Utc;
use domain::policy::Action;
use service::{problem::Problem, query::Query};

use super::{
    answer::Answer,
    caller::Caller,
    failure::{failed, unlogged},
    fresh::MinPosition,
    paging::ListQuery,
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{InterfaceStatus, Page, ParkedEvent, Process, ProjectionStatus, Schedule},
    progress::Projection,
    queries::{self, ProcessCursor},
};

/// How far each projection has come, lane by lane.
///
/// All at once: they are those that the program has.
#[utoipa::path(
    get, path = "/v1/admin/projections", tag = "operations", operation_id = "list_projections",
    params(
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<ProjectionStatus>, headers(
        ("Position" = i64, description = "All requests up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn projections(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let head = api.log.head().await.map_err(unlogged)?;
    let items = queries::projections(&api.lists, head, Utc::now()).await.map_err(failed)?;
    Ok(Answer::json(&Page { items, next_page_token: String::new() })?.fresh(fresh))
}

/// Events that a projection could not take in, and those that wait behind them.
#[utoipa::path(
    get, path = "/v1/admin/parked-events", tag = "operations", operation_id = "list_parked_events",
    params(
        ("projection" = Option<String>, Query, nullable = false, description = "Of this projection only"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<ParkedEvent>, headers(
        ("Position" = i64, description = "All requests up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn parked_events(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let words = Projection::ALL.map(|projection| (projection.as_str(), projection.as_str()));
    let projection = query.filters.one("projection", |word| one_of(&words, word));
    let (paging, min_position) = query.finish(caller)?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let after: i64 = paging.after()?.unwrap_or_default();
    let parked = queries::parked_events(&api.lists, projection, after, paging.limit()).await;
    let mut items = parked.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |last| last.id)?;
    paging.answer(items, next_page_token, fresh)
}

/// Reactions of many steps, the newest first.
///
/// The steps of one are `GET /v1/deliveries?channel=command&event_id=<its id>`; operators retry and skip them there.
#[utoipa::path(
    get, path = "/v1/admin/processes", tag = "operations", operation_id = "list_processes",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until requests up to this position are taken in (2 s at most)"),
    ),
    responses((status = 200, body = Page<Process>, headers(
        ("Position" = i64, description = "All requests up to here are taken in"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn processes(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<ProcessCursor> = paging.after()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let mut items = queries::processes(&api.lists, after, paging.limit()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, ProcessCursor::of)?;
    paging.answer(items, next_page_token, fresh)
}

/// What runs by the clock: when, and what came of the last run.
///
/// All at once: they are those that the program has.
#[utoipa::path(
    get, path = "/v1/admin/schedules", tag = "operations", operation_id = "list_schedules",
    responses((status = 200, body = Page<Schedule>)),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn schedules(
    State(api): State<ReadApi>,
    caller: Caller,
    query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    query.finish()?;
    let items = queries::schedules(&api.lists).await.map_err(failed)?;
    Answer::json(&Page { items, next_page_token: String::new() })
}

/// How the core system stands: what it has yet to take, and what the last nightly runs came to.
#[utoipa::path(
    get, path = "/v1/admin/interface", tag = "operations", operation_id = "get_interface",
    responses((status = 200, body = InterfaceStatus)),
    extensions(("x-policy" = json!("operate"))),
)]
pub(super) async fn interface(
    State(api): State<ReadApi>,
    caller: Caller,
    query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::Operate)?;
    query.finish()?;
    let status = queries::interface(&api.lists).await.map_err(failed)?;
    Answer::json(&status)
}
