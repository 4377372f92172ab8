//! `GET /v1/audit/counts`

use axum::{extract::State, response::IntoResponse};
use domain::{filter::RecordGroup, policy::Action};
use service::{problem::Problem, query::Query};

use super::{
    answer::Answer,
    asking::Asking,
    audit_query::{self, AuditFilterParams},
    caller::Caller,
    failure::{failed, untold},
    fresh::{self, MinPosition},
};
use crate::{
    ReadApi,
    model::Counts,
    queries::{Archive, audit_count_by, audit_found},
};

/// More values are not told.
const MOST: i64 = 1_000;

/// How much was done, by what, by whom or on which day.
///
/// 1,000 values at most. Where `field`, `old`, `new` or `text` is asked for, also in `filter`, at most 10,000 records are read;
/// where more would have to be, it is refused.
#[utoipa::path(
    get, path = "/v1/audit/counts", tag = "audit", operation_id = "count_records",
    params(
        ("group_by" = String, Query, description = "`action`, `actor`, `day` (of `zone`) or `outcome`"),
        AuditFilterParams,
    ),
    responses((status = 200, body = Counts, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn counts(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::AuditRead)?;
    let asked = audit_query::read(&mut query, caller);
    let group_by = RecordGroup::read(&mut Asking(&mut query));
    let of_content = audit_query::of_content(&query);
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(&api, fresh::AUDIT).await?;
    let zone = asked.zone();
    let filter = asked.placed(&api).await?;
    let group_by = group_by.ok_or_else(|| Problem::internal("a grouping is missing unnoticed"))?;
    let found = match filter.is_of_content() {
        true => {
            let found = audit_found(Archive::of(&api), &filter).await.map_err(untold)?;
            Some(found.ok_or_else(|| audit_query::too_many(of_content))?)
        }
        false => None,
    };
    let counted = audit_count_by(&api.lists, &filter, found.as_ref(), group_by, zone, MOST).await;
    let items = counted.map_err(failed)?;
    Ok(Answer::json(&Counts { group_by: group_by.as_str(), items })?.fresh(fresh))
}
