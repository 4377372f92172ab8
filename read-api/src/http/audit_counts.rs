//! `GET /v1/audit/counts`

use axum::{extract::State, response::IntoResponse};
use domain::policy::Action;
use service::{
    problem::{Flaw, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    audit_query::{self, AuditFilterParams},
    caller::Caller,
    failure::failed,
    fresh::{self, MinPosition},
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::Counts,
    queries::{AuditGroup, audit_count_by},
};

/// How much was done, by what, by whom or on which day.
///
/// 1,000 values at most.
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
    if asked.is_of_content() {
        let flaw = Flaw::new("EXCLUDES").param("other", "field, old, new, text");
        query.refuse(
            "filter",
            flaw.detail("must not ask for field, old, new or text: they are known in lists only"),
        );
    }
    if !query.has("group_by") {
        query.refuse("group_by", Flaw::new("REQUIRED"));
    }
    let group_by =
        query.one("group_by", |word| one_of(&AuditGroup::WORDS, word)).unwrap_or(AuditGroup::Action);
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(&api, fresh::AUDIT).await?;
    let zone = asked.zone();
    let filter = asked.placed(&api).await?;
    let items = audit_count_by(&api.lists, &filter, group_by, zone).await.map_err(failed)?;
    Ok(Answer::json(&Counts { group_by: group_by.as_str(), items })?.fresh(fresh))
}
