//! The table of routes.

use axum::{Router, middleware::from_fn_with_state};
use service::audit::{self, Watch};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    admin, announcements, audit_counts, audit_records, audit_roles, comments, consumer_groups, deliveries,
    documents, dry_run, events, exports, history, integrity, labels, notices, operations, personal,
    revisions, rules, sync, task_counts, task_get, task_list, trace, user_revisions, users, webhooks,
};
use crate::{ReadApi, grpc};

/// What of it is offered over gRPC.
pub const GRPC: [&str; 5] = [
    "taskledger.v1.AnnouncementQueries",
    "taskledger.v1.Audit",
    "taskledger.v1.Events",
    "taskledger.v1.TaskQueries",
    "taskledger.v1.UserQueries",
];

fn table() -> OpenApiRouter<ReadApi> {
    OpenApiRouter::default()
        // tasks
        .routes(routes!(task_list::list))
        .routes(routes!(task_counts::counts))
        .routes(routes!(task_get::get))
        .routes(routes!(comments::list))
        .routes(routes!(labels::list))
        // devices
        .routes(routes!(sync::pull))
        // users
        .routes(routes!(users::list))
        .routes(routes!(users::me))
        .routes(routes!(personal::get))
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
        .routes(routes!(user_revisions::get))
        .routes(routes!(user_revisions::diff))
        // events
        .routes(routes!(events::pull))
        .routes(routes!(events::stream))
        .routes(routes!(events::get))
        .routes(routes!(consumer_groups::list))
        .routes(routes!(consumer_groups::get, consumer_groups::make, consumer_groups::delete))
        .routes(routes!(consumer_groups::seek))
        .routes(routes!(consumer_groups::parked))
        .routes(routes!(consumer_groups::replay))
        .routes(routes!(consumer_groups::skip))
        // audit
        .routes(routes!(audit_records::list))
        .routes(routes!(audit_records::get))
        .routes(routes!(audit_counts::counts))
        .routes(routes!(audit_roles::list))
        .routes(routes!(trace::get))
        .routes(routes!(exports::content))
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
        .routes(routes!(documents::asyncapi_json))
        .routes(routes!(documents::schema))
}

/// All routes of this service, each watched, what streams over gRPC, and the pages that show them.
pub(crate) fn router(api: ReadApi, watch: Watch) -> Router {
    let routes = Router::from(table()).merge(grpc::routes());
    let watched = routes.route_layer(from_fn_with_state(watch, audit::watch));
    watched.with_state(api).merge(documents::pages())
}

/// The routes of this service as OpenAPI.
pub fn openapi() -> OpenApi {
    table().into_openapi()
}
