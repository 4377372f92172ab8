//! `GET /v1/deliveries`, `/v1/deliveries/{id}`

use axum::{extract::State, response::IntoResponse};
use domain::{filter::DeliveriesAsked, policy::Action};
use service::{
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer, asking::Asking, caller::Caller, counting::counting, failure::failed, fresh::MinPosition,
    paging::ListQuery, path::Id,
};
use crate::{
    ReadApi,
    model::{CountedPage, Delivery, DeliveryWithAttempts},
    queries::{self, DeliveryCursor, DeliveryFilter},
};

/// What is on its way to the outside, and what became of it, the newest first.
#[utoipa::path(
    get, path = "/v1/deliveries", tag = "operations", operation_id = "list_deliveries",
    params(
        ("channel" = Option<String>, Query, nullable = false,
            description = "`email`, `digest` (what waits for somebody's next one), `push`, `interface`, `webhook` or `command`"),
        ("state" = Option<String>, Query, nullable = false,
            description = "`pending`, `failed`, `delivered`, `exhausted`, `rejected`, `skipped` or `superseded`"),
        ("event_id" = Option<Uuid>, Query, nullable = false, description = "Caused by this event"),
        ("count" = Option<String>, Query, nullable = false,
            description = "`exact` or `estimate`: adds the size of the whole list"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until requests up to this position are taken in (2 s at most)"),
    ),
    responses((status = 200, body = CountedPage<Delivery>, headers(
        ("Position" = i64, description = "All requests up to here are taken in"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("delivery.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::DeliveryRead)?;
    let filter = DeliveryFilter::from(DeliveriesAsked::read(&mut Asking(&mut query.filters)));
    let counting = counting(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<DeliveryCursor> = paging.after()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let found = queries::deliveries(&api.lists, filter, after, paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, DeliveryCursor::of)?;
    let count = match counting {
        Some(counting) => Some(queries::delivery_count(&api.lists, filter, counting).await.map_err(failed)?),
        None => None,
    };
    paging.counted(items, next_page_token, count, fresh)
}

/// One delivery, with all that was tried.
#[utoipa::path(
    get, path = "/v1/deliveries/{id}", tag = "operations", operation_id = "get_delivery",
    params(
        ("id" = Uuid, Path, description = "The delivery's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until requests up to this position are taken in (2 s at most)"),
    ),
    responses((status = 200, body = DeliveryWithAttempts, headers(
        ("Position" = i64, description = "All requests up to here are taken in"),
    ))),
    extensions(("x-policy" = json!("delivery.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::DeliveryRead)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait_for_operations(&api).await?;
    let found = queries::delivery(&api.points, id).await.map_err(failed)?;
    let (delivery, tried) = found.ok_or(Code::NotFound)?;
    Ok(Answer::json(&DeliveryWithAttempts { delivery, tried })?.fresh(fresh))
}
