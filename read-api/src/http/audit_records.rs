//! `GET /v1/audit/records`, `/v1/audit/records/{id}`

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use domain::policy::Action;
use service::{
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    audit_query::{self, Asked, AuditFilterParams},
    caller::Caller,
    counting::counting,
    failure::untold,
    fresh::{self, MinPosition},
    paging::{ListQuery, Paging},
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{AuditRecord, CountedPage},
    queries::{
        Archive, AuditCursor, AuditFilter, Counting, RecordId, Search, audit_count, audit_estimate,
        audit_record,
    },
};

struct ListRequest {
    asked: Asked,
    ascending: bool,
    counting: Option<Counting>,
    paging: Paging,
    min_position: MinPosition,
}

impl ListRequest {
    fn read(mut query: ListQuery, caller: Caller) -> Result<Self, Problem> {
        let filters = &mut query.filters;
        let asked = audit_query::read(filters, caller);
        let sort = [("-recorded_at", false), ("recorded_at", true)];
        let ascending = filters.one("sort", |word| one_of(&sort, word)).unwrap_or(false);
        let counting = counting(filters);
        let (paging, min_position) = query.finish(caller)?;
        Ok(Self { asked, ascending, counting, paging, min_position })
    }
}

/// What happened, what was tried and refused, and who read what: newest first.
///
/// Where `field`, `old`, `new` or `text` is asked for, also in `filter`, a page may hold fewer records than others, even none: an empty
/// `next_page_token` is the end. Then `count=exact` is refused where more than 10,000 records would have to be read to know, and
/// `count=estimate` goes by how many of the newest thousand that may be meant are.
#[utoipa::path(
    get, path = "/v1/audit/records", tag = "audit", operation_id = "list_records",
    params(
        AuditFilterParams,
        ("sort" = Option<String>, Query, nullable = false, description = "`-recorded_at` (default) or `recorded_at`"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
    ),
    responses((status = 200, body = CountedPage<AuditRecord>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let ListRequest { asked, ascending, counting, paging, min_position } = ListRequest::read(query, caller)?;
    let after: AuditCursor = paging.after()?.unwrap_or_else(|| AuditCursor::start(ascending));
    let fresh = min_position.wait(&api, fresh::AUDIT).await?;
    let filter = asked.placed(&api).await?;
    let search = Search { archive: Archive::of(&api), filter: &filter, ascending };
    let (items, next) = search.page(after, paging.size()).await.map_err(untold)?;
    let next_page_token = next.map(|cursor| paging.seal(&cursor)).transpose()?.unwrap_or_default();
    let count = count(&api, &filter, counting).await?;
    paging.counted(items, next_page_token, count, fresh)
}

/// One record, by its permanent name.
#[utoipa::path(
    get, path = "/v1/audit/records/{id}", tag = "audit", operation_id = "get_record",
    params(
        ("id" = String, Path, description = "The record's id: `e4711`, `a12`"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = AuditRecord, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Path(id): Path<String>,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let id: RecordId = id.parse().map_err(|_| Code::InvalidId)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(&api, fresh::AUDIT).await?;
    let record = audit_record(Archive::of(&api), id).await.map_err(untold)?.ok_or(Code::NotFound)?;
    Ok(Answer::json(&record)?.fresh(fresh))
}

async fn count(
    api: &ReadApi,
    filter: &AuditFilter,
    counting: Option<Counting>,
) -> Result<Option<i64>, Problem> {
    let archive = Archive::of(api);
    match counting {
        None => Ok(None),
        Some(Counting::Exact) => {
            let count = audit_count(archive, filter).await.map_err(untold)?;
            count.map(Some).ok_or_else(|| audit_query::too_many("count"))
        }
        Some(Counting::Estimate) => audit_estimate(archive, filter).await.map(Some).map_err(untold),
    }
}
