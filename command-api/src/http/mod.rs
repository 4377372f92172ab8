//! The HTTP API of the write side; [`router`] is its index.

mod admin;
mod announcements;
mod api_keys;
mod app;
mod auth;
mod batch;
mod cookies;
mod deliveries;
mod devices;
mod echo;
mod ending;
mod erasure;
mod exchange;
mod exports;
mod identities;
mod inbox;
mod notification_rules;
mod oidc;
mod ops;
mod pages;
mod parts;
mod passwords;
mod preferences;
mod problems;
mod records;
mod refresh_cookie;
mod reply;
pub mod schemas;
mod second_step;
mod service_accounts;
mod sessions;
mod tasks;
mod totp;
mod users;
mod webhooks;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use app::App;
pub use ending::Endings;
pub(crate) use pages::{UNSUBSCRIBE, router as pages};

/// What of it is offered over gRPC.
pub const GRPC: [&str; 4] =
    ["taskledger.v1.Announcements", "taskledger.v1.Auth", "taskledger.v1.Tasks", "taskledger.v1.Users"];

/// All routes. Each names the right it asks for as `x-policy`.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        // coming in
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(second_step::mfa))
        .routes(routes!(auth::jwks))
        // by outside providers
        .routes(routes!(oidc::list_oidc_providers))
        .routes(routes!(oidc::oidc_login))
        .routes(routes!(oidc::oidc_callback))
        .routes(routes!(oidc::oidc_token))
        .routes(routes!(oidc::oidc_reauthenticate))
        .routes(routes!(identities::list_identities))
        .routes(routes!(identities::unlink_identity))
        // mailed links, passwords
        .routes(routes!(passwords::verify_email))
        .routes(routes!(passwords::forgot))
        .routes(routes!(passwords::reset))
        .routes(routes!(passwords::change))
        // staying in, going out
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::logout))
        .routes(routes!(sessions::logout_all))
        .routes(routes!(sessions::logout_others))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(second_step::reauthenticate))
        // the second factor
        .routes(routes!(totp::enrol))
        .routes(routes!(totp::confirm))
        .routes(routes!(totp::disable))
        .routes(routes!(totp::renew_recovery_codes))
        // users
        .routes(routes!(users::invite))
        .routes(routes!(users::edit_me))
        .routes(routes!(users::verify))
        .routes(routes!(users::deactivate))
        .routes(routes!(users::reactivate))
        .routes(routes!(users::log_out))
        .routes(routes!(erasure::erase))
        .routes(routes!(users::grant_role))
        .routes(routes!(users::revoke_role))
        // programs
        .routes(routes!(service_accounts::create, service_accounts::list))
        .routes(routes!(api_keys::create, api_keys::list))
        .routes(routes!(api_keys::revoke))
        // operating
        .routes(routes!(admin::rebuild))
        .routes(routes!(admin::replay))
        .routes(routes!(admin::discard))
        .routes(routes!(admin::cancel))
        .routes(routes!(exports::create))
        .routes(routes!(deliveries::retry_one))
        .routes(routes!(deliveries::skip_one))
        .routes(routes!(deliveries::retry_many))
        .routes(routes!(deliveries::skip_many))
        // notices
        .routes(routes!(notification_rules::create))
        .routes(routes!(notification_rules::update, notification_rules::delete))
        .routes(routes!(preferences::set))
        .routes(routes!(inbox::read))
        .routes(routes!(inbox::read_up_to))
        .routes(routes!(announcements::create))
        .routes(routes!(announcements::update))
        .routes(routes!(announcements::schedule))
        .routes(routes!(announcements::cancel))
        .routes(routes!(announcements::sent))
        .routes(routes!(devices::register, devices::list))
        .routes(routes!(devices::remove))
        .routes(routes!(devices::remove_of))
        // webhooks
        .routes(routes!(webhooks::create))
        .routes(routes!(webhooks::update, webhooks::delete))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::pause))
        .routes(routes!(webhooks::disable))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::replay))
        // tasks
        .routes(routes!(tasks::create))
        .routes(routes!(batch::batch))
        .routes(routes!(batch::sync::push))
        .routes(routes!(tasks::update, tasks::delete))
        .routes(routes!(tasks::undelete))
        .routes(routes!(tasks::rollback))
        .routes(routes!(tasks::start))
        .routes(routes!(tasks::hold))
        .routes(routes!(tasks::resume))
        .routes(routes!(tasks::complete))
        .routes(routes!(tasks::cancel))
        .routes(routes!(tasks::reopen))
        .routes(routes!(tasks::assign))
        .routes(routes!(tasks::unassign))
        .routes(routes!(tasks::progress))
        .routes(routes!(tasks::watch))
        .routes(routes!(tasks::unwatch))
        // their parts
        .routes(routes!(parts::add_comment))
        .routes(routes!(parts::edit_comment, parts::delete_comment))
        .routes(routes!(parts::add_item))
        .routes(routes!(parts::edit_item, parts::remove_item))
        .routes(routes!(parts::add_relation, parts::remove_relation))
}

/// The document of these routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}
