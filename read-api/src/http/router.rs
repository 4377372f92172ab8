//! The table of routes.

use axum::{Router, middleware::from_fn_with_state};
use service::audit::{self, Watch};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    admin, announcements, audit_counts, audit_records, audit_roles, comments, deliveries, documents, dry_run,
    events, history, integrity, labels, notices, operations, revisions, rules, task_counts, task_get,
    task_list, trace, users, webhooks,
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
        // notices
        .routes(routes!(notices::list))
        .routes(routes!(notices::preferences))
        .routes(routes!(rules::list))
        .routes(routes!(rules::get))
        .routes(routes!(dry_run::run))
        // announcements
        .routes(routes!(announcements::list))
        .routes(routes!(announcements::get))
        .routes(routes!(announcements::preview))
        .routes(routes!(announcements::report))
        // history
        .routes(routes!(history::of_task))
        .routes(routes!(history::of_user))
        .routes(routes!(revisions::get))
        .routes(routes!(revisions::diff))
        // events
        .routes(routes!(events::pull))
        .routes(routes!(events::stream))
        .routes(routes!(events::get))
        // audit
        .routes(routes!(audit_records::list))
        .routes(routes!(audit_records::get))
        .routes(routes!(audit_counts::counts))
        .routes(routes!(audit_roles::list))
        .routes(routes!(trace::get))
        .routes(routes!(integrity::get))
        .routes(routes!(integrity::proof))
        .routes(routes!(integrity::keys))
        // operations
        .routes(routes!(operations::list))
        .routes(routes!(operations::get))
        .routes(routes!(admin::projections))
        .routes(routes!(admin::parked_events))
        .routes(routes!(admin::processes))
        .routes(routes!(admin::schedules))
        .routes(routes!(admin::interface))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::get))
        // webhooks
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::get))
        .routes(routes!(webhooks::attempts))
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
