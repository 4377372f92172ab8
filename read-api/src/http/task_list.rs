//! `GET /v1/tasks`

use axum::{extract::State, response::IntoResponse};
use domain::policy::Action;
use service::{audit::Trail, problem::Problem};

use super::{
    caller::Caller,
    counting::counting,
    failure::{failed, untold},
    fresh::{self, MinPosition},
    paging::{ListQuery, Paging},
    past_list::{self, Asked},
    task_query::{self, TaskFilterParams},
};
use crate::{
    ReadApi,
    model::{CountedPage, Task},
    progress::Projection,
    queries::{self, Counting, Sight, Sort, TaskCursor, TaskFilter},
};

struct ListRequest {
    filter: TaskFilter,
    sort: Sort,
    counting: Option<Counting>,
    past: Option<Asked>,
    paging: Paging,
    min_position: MinPosition,
}

impl ListRequest {
    fn read(mut query: ListQuery, caller: Caller) -> Result<Self, Problem> {
        let filter = task_query::filter(&mut query.filters, caller);
        let sort = task_query::sort(&mut query.filters);
        let counting = counting(&mut query.filters);
        let past = past_list::asked(&mut query.filters);
        let (paging, min_position) = query.finish(caller)?;
        Ok(Self { filter, sort, counting, past, paging, min_position })
    }
}

/// The projections that an answer with this filter is made from.
pub(super) fn projections(filter: &TaskFilter) -> &'static [Projection] {
    if filter.words.is_empty() { fresh::TASKS } else { fresh::SEARCH }
}

/// Tasks that the caller sees, as they stand or as they were.
#[utoipa::path(
    get, path = "/v1/tasks", tag = "tasks", operation_id = "list_tasks",
    params(
        TaskFilterParams,
        ("sort" = Option<String>, Query, nullable = false,
            description = "`update_time`, `create_time`, `due`, `priority` or `key`; with `-` the largest first; what is never due counts as due at the end of time. Default `-update_time`"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("as_of" = Option<String>, Query, nullable = false,
            description = "As the log had them at this position or time; not with `q`"),
        ("as_of_occurred" = Option<String>, Query, nullable = false,
            description = "After what had happened at this time, whenever the log heard of it; not with `q`"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
    ),
    responses((status = 200, body = CountedPage<Task>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::TaskRead)?;
    if caller.sight() == Sight::Everything {
        trail.shows_what_is_not_theirs();
    }
    let ListRequest { mut filter, sort, counting, past, paging, min_position } =
        ListRequest::read(query, caller)?;
    let after: Option<TaskCursor> = paging.after()?;
    let (pool, sight, limit) = (&api.lists, caller.sight(), paging.limit());
    let (fresh, mut items) = match past {
        None => {
            let fresh = min_position.wait(&api, projections(&filter)).await?;
            let page = queries::task_page(pool, &filter, sight, sort, after.as_ref(), limit).await;
            (fresh, page.map_err(failed)?)
        }
        Some(asked) => {
            let (when, fresh) = asked.found(&api, min_position).await?;
            filter.when = when;
            let ids = queries::past_page(pool, &filter, sight, sort, after.as_ref(), limit).await;
            (fresh, past_list::tasks(&api, &ids.map_err(failed)?, when).await.map_err(untold)?)
        }
    };
    let next_page_token = paging.cut(&mut items, |task| TaskCursor::behind(sort, task))?;
    let count = count(&api, &filter, sight, counting).await?;
    paging.counted(items, next_page_token, count, fresh)
}

async fn count(
    api: &ReadApi,
    filter: &TaskFilter,
    sight: Sight,
    counting: Option<Counting>,
) -> Result<Option<i64>, Problem> {
    let count = match counting {
        None => return Ok(None),
        Some(Counting::Exact) => queries::count(&api.lists, filter, sight).await,
        Some(Counting::Estimate) => queries::estimate(&api.lists, filter, sight).await,
    };
    count.map(Some).map_err(failed)
}
