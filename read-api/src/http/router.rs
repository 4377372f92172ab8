//! The table of routes.

use axum::{Router, middleware::from_fn_with_state};
use service::audit::{self, Watch};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    admin, comments, deliveries, documents, history, labels, operations, task_counts, task_get, task_list,
    users,
};
use crate::ReadApi;

fn table() -> OpenApiRouter<ReadApi> {
    OpenApiRouter::default()
        // tasks
        .routes(routes!(task_list::list))
        .routes(routes!(task_counts::counts))
        .routes(routes!(task_get::get))
        .routes(routes!(comments::list))
        .routes(routes!(labels::list))
        // users
        .routes(routes!(users::list))
        .routes(routes!(users::me))
        .routes(routes!(users::get))
        // history
        .routes(routes!(history::of_task))
        .routes(routes!(history::of_user))
        // operations
        .routes(routes!(operations::list))
        .routes(routes!(operations::get))
        .routes(routes!(admin::projections))
        .routes(routes!(admin::parked_events))
        .routes(routes!(admin::schedules))
        .routes(routes!(admin::interface))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        // documents
        .routes(routes!(documents::openapi_json))
}

/// All routes of this service, each watched, and the pages that show them.
pub(crate) fn router(api: ReadApi, watch: Watch) -> Router {
    let watched = Router::from(table()).route_layer(from_fn_with_state(watch, audit::watch));
    watched.with_state(api).merge(documents::pages())
}

/// The routes of this service as OpenAPI.
pub fn openapi() -> OpenApi {
    table().into_openapi()
}
