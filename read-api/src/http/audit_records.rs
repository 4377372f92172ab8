//! `GET /v1/audit/records`, `/v1/audit/records/{id}`

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use domain::policy::Action;
use serde_json::Value;
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    audit_query::{self, Asked, AuditFilterParams},
    caller::Caller,
    failure::{failed, untold},
    fresh::{self, MinPosition},
    paging::{ListQuery, Paging},
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{AuditRecord, CountedPage},
    queries::{
        Archive, AuditCursor, AuditFilter, RecordId, audit_count, audit_estimate, audit_page, audit_record,
        audit_records,
    },
};

/// Where what a record says is searched, so many are looked at before a page may be short …
const LOOK_AT: i64 = 5_000;
/// … and so many at once.
const AT_ONCE: i64 = 500;
/// What is searched for is no longer than this, in bytes.
const MAX_TEXT: usize = 200;

#[derive(Clone, Copy, Debug)]
enum Counting {
    Exact,
    Estimate,
}

/// What a record must say; looked for in the records themselves.
#[derive(Default)]
struct Content {
    field: Option<String>,
    old: Option<String>,
    new: Option<String>,
    text: Option<String>,
}

struct ListRequest {
    asked: Asked,
    content: Content,
    ascending: bool,
    counting: Option<Counting>,
    paging: Paging,
    min_position: MinPosition,
}

impl ListRequest {
    fn read(mut query: ListQuery, caller: Caller) -> Result<Self, Problem> {
        let filters = &mut query.filters;
        let mut asked = audit_query::read(filters, caller);
        let content = Content::read(filters);
        asked.of_field(content.field.as_ref());
        let sort = [("-recorded_at", false), ("recorded_at", true)];
        let ascending = filters.one("sort", |word| one_of(&sort, word)).unwrap_or(false);
        let counting = filters.one("count", |word| {
            one_of(&[("exact", Counting::Exact), ("estimate", Counting::Estimate)], word)
        });
        if counting.is_some() && !content.is_empty() {
            let flaw = Flaw::new("EXCLUDES").param("other", "field, old, new, text");
            filters.refuse("count", flaw);
        }
        let (paging, min_position) = query.finish(caller)?;
        Ok(Self { asked, content, ascending, counting, paging, min_position })
    }
}

/// What happened, what was tried and refused, and who read what: newest first.
///
/// Where `field`, `old`, `new` or `text` is asked for, a page may hold fewer records than others, even none: an empty
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
    let ListRequest { asked, content, ascending, counting, paging, min_position } =
        ListRequest::read(query, caller)?;
    let after: AuditCursor = paging.after()?.unwrap_or_else(|| AuditCursor::start(ascending));
    let fresh = min_position.wait(&api, fresh::AUDIT).await?;
    let filter = asked.placed(&api).await?;
    let search = Search { api: &api, filter: &filter, content: &content, ascending };
    let (items, next) = search.page(after, paging.size()).await?;
    let next_page_token = next.map(|cursor| paging.seal(&cursor)).transpose()?.unwrap_or_default();
    let count = count(&api, &filter, counting).await?;
    let link = paging.next_link(&next_page_token);
    Ok(Answer::json(&CountedPage { items, next_page_token, count })?.fresh(fresh).next(link))
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
    let record = audit_record(archive(&api), id).await.map_err(untold)?.ok_or(Code::NotFound)?;
    Ok(Answer::json(&record)?.fresh(fresh))
}

fn archive(api: &ReadApi) -> Archive<'_> {
    Archive { log: &api.log, pool: &api.lists, sealer: &api.sealer }
}

struct Search<'a> {
    api: &'a ReadApi,
    filter: &'a AuditFilter,
    content: &'a Content,
    ascending: bool,
}

impl Search<'_> {
    /// The records of a page, and where the next one begins; nowhere at the end.
    async fn page(
        &self,
        mut cursor: AuditCursor,
        size: i64,
    ) -> Result<(Vec<AuditRecord>, Option<AuditCursor>), Problem> {
        let at_once = if self.content.is_empty() { size + 1 } else { AT_ONCE };
        let (mut items, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOK_AT {
            let found = audit_page(&self.api.lists, self.filter, self.ascending, cursor, at_once).await;
            let found = found.map_err(failed)?;
            let records = audit_records(archive(self.api), &found).await.map_err(untold)?;
            let mut records = records.into_iter().peekable();
            for place in &found {
                if i64::try_from(items.len()) == Ok(size) {
                    return Ok((items, Some(cursor)));
                }
                cursor.passes(*place);
                let id = place.id().to_string();
                items.extend(
                    records.next_if(|record| record.id == id).filter(|record| self.content.is_in(record)),
                );
            }
            let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
            if count < at_once {
                return Ok((items, None));
            }
            looked_at += count;
        }
        Ok((items, Some(cursor)))
    }
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

impl Content {
    fn read(query: &mut Query) -> Self {
        let mut text = |name| query.one(name, searched);
        let (old, new, text) = (text("old"), text("new"), text("text"));
        Self { field: query.one("field", audit_query::field), old, new, text }
    }

    fn is_empty(&self) -> bool {
        self.field.is_none() && self.old.is_none() && self.new.is_none() && self.text.is_none()
    }

    fn is_in(&self, record: &AuditRecord) -> bool {
        let of_change = self.field.is_none() && self.old.is_none() && self.new.is_none()
            || record.changes.iter().any(|change| {
                self.field.as_ref().is_none_or(|field| is_of(field, &change.field))
                    && self.old.as_ref().is_none_or(|old| says(&change.old, old))
                    && self.new.as_ref().is_none_or(|new| says(&change.new, new))
            });
        of_change && self.text.as_ref().is_none_or(|text| mentions(record, text))
    }
}

/// What is looked for, in lower case.
fn searched(text: &str) -> Result<String, Flaw> {
    match text.len() {
        0 => Err(Flaw::new("EMPTY")),
        1..=MAX_TEXT => Ok(text.to_lowercase()),
        _ => Err(Flaw::new("TOO_LONG").param("max", MAX_TEXT)),
    }
}

/// `comments` is also of `comments/<id>`.
fn is_of(field: &str, changed: &str) -> bool {
    changed.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn says(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => text.to_lowercase().contains(wanted),
        other => other.to_string().to_lowercase().contains(wanted),
    }
}

fn mentions(record: &AuditRecord, wanted: &str) -> bool {
    let target = record.target.as_ref().and_then(|target| target.key.as_ref());
    let texts = [&record.reason, &record.code, &record.source.user_agent, &record.query];
    let texts = texts.into_iter().flatten().chain(target).chain([&record.action]);
    texts.into_iter().any(|text| text.to_lowercase().contains(wanted))
        || record.changes.iter().any(|change| says(&change.old, wanted) || says(&change.new, wanted))
}
