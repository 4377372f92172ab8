//! `GET /v1/audit/records`, `/v1/audit/records/{id}`

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use domain::policy::Action;
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    audit_query::{self, Asked, AuditFilterParams},
    caller::Caller,
    counting::counting,
    failure::{failed, untold},
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
        let mut asked = audit_query::read(filters, caller);
        asked.of_content(filters);
        let sort = [("-recorded_at", false), ("recorded_at", true)];
        let ascending = filters.one("sort", |word| one_of(&sort, word)).unwrap_or(false);
        let counting = counting(filters);
        if counting.is_some() && asked.is_of_content() {
            let flaw = Flaw::new("EXCLUDES").param("other", "field, old, new, text");
            filters.refuse("count", flaw);
        }
        let (paging, min_position) = query.finish(caller)?;
        Ok(Self { asked, ascending, counting, paging, min_position })
    }
}

/// What happened, what was tried and refused, and who read what: newest first.
///
/// Where `field`, `old`, `new` or `text` is asked for, also in `filter`, a page may hold fewer records than others, even none: an empty
/// `next_page_token` is the end.
#[utoipa::path(
    get, path = "/v1/audit/records", tag = "audit", operation_id = "list_records",
    params(
        AuditFilterParams,
        ("field" = Option<String>, Query, nullable = false,
            description = "Changed this field of a task or user: `title`, `status`, `comments`, `comments/<id>`"),
        ("old" = Option<String>, Query, nullable = false, description = "Changed a value with this in it, whatever its case"),
        ("new" = Option<String>, Query, nullable = false, description = "Changed something to a value with this in it"),
        ("text" = Option<String>, Query, nullable = false,
            description = "Has this in its values, reason, action, code, target, client or query"),
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
    let count = match counting {
        None => return Ok(None),
        Some(Counting::Exact) => audit_count(&api.lists, filter).await,
        Some(Counting::Estimate) => audit_estimate(&api.lists, filter).await,
    };
    count.map(Some).map_err(failed)
}
