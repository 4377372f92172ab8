//! `GET /v1/webhooks`, `/v1/webhooks/{id}`, `/v1/webhooks/{id}/attempts`

use axum::{extract::State, response::IntoResponse};
use domain::policy::{Action, Relation};
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer, caller::Caller, failure::failed, fresh::MinPosition, paging::ListQuery, path::Id,
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::{Page, Webhook, WebhookAttempt},
    queries::{self, AttemptCursor, AttemptFilter, WebhookCursor},
};

const OUTCOMES: [&str; 5] = ["unknown", "delivered", "failed", "rejected", "skipped"];

impl Caller {
    /// Operators see all webhooks, others their own.
    fn webhooks_of(&self) -> Option<Uuid> {
        if self.can(Action::Operate, Relation::default()) { None } else { Some(self.id) }
    }

    async fn webhook(&self, api: &ReadApi, id: Uuid) -> Result<Webhook, Problem> {
        let found = queries::webhook(&api.points, id).await.map_err(failed)?;
        let mine = |webhook: &Webhook| self.webhooks_of().is_none_or(|owner| owner == webhook.owner);
        found.filter(mine).ok_or_else(|| Code::NotFound.into())
    }
}

/// One's own webhooks; for operators those of everybody.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<Webhook>, headers(
        ("Position" = i64, description = "All changes of webhooks up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("webhook.control"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::WebhookControl)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<WebhookCursor> = paging.after()?;
    let fresh = min_position.wait_for_webhooks(&api).await?;
    let found = queries::webhooks(&api.lists, caller.webhooks_of(), after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, WebhookCursor::of)?;
    paging.answer(items, next_page_token, fresh)
}

/// One webhook.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", tag = "webhooks", operation_id = "get_webhook",
    params(
        ("id" = Uuid, Path, description = "The webhook's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Webhook, headers(
        ("Position" = i64, description = "All changes of webhooks up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("webhook.control"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::WebhookControl)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_webhooks(&api).await?;
    Ok(Answer::json(&caller.webhook(&api, id).await?)?.fresh(fresh))
}

/// What was sent to a webhook, and what it answered, for thirty days; the newest event first.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/attempts", tag = "webhooks", operation_id = "list_webhook_attempts",
    params(
        ("id" = Uuid, Path, description = "The webhook's id"),
        ("outcome" = Option<String>, Query, nullable = false,
            description = "`unknown`, `delivered`, `failed`, `rejected` or `skipped`"),
        ("event_id" = Option<Uuid>, Query, nullable = false, description = "To send this event"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until changes of webhooks up to this position are taken in (2 s at most)"),
    ),
    responses((status = 200, body = Page<WebhookAttempt>, headers(
        ("Position" = i64, description = "All changes of webhooks up to here are taken in"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("webhook.control"))),
)]
pub(super) async fn attempts(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::WebhookControl)?;
    let filter = AttemptFilter {
        outcome: query.filters.one("outcome", |word| one_of(&OUTCOMES.map(|known| (known, known)), word)),
        event_id: query.filters.one("event_id", |text| {
            text.parse().map_err(|_| Flaw::new("MALFORMED").detail("must be a UUID"))
        }),
    };
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<AttemptCursor> = paging.after()?;
    let fresh = min_position.wait_for_webhooks(&api).await?;
    caller.webhook(&api, id).await?;
    let found = queries::webhook_attempts(&api.lists, id, filter, after, paging.limit()).await;
    let mut rows = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut rows, |(cursor, _)| *cursor)?;
    let items: Vec<WebhookAttempt> = rows.into_iter().map(|(_, attempt)| attempt).collect();
    paging.answer(items, next_page_token, fresh)
}
