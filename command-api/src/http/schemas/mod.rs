//! Bodies and paths as the OpenAPI document shows them. Bodies are read member by member elsewhere, so that all that is
//! wrong with one is said at once; a test compares both.

mod admin;
mod announcements;
mod api_keys;
mod auth;
mod batch;
mod exports;
mod inbox;
mod notification_rules;
mod notifications;
mod oidc;
mod passwords;
mod second_factor;
mod sync;
mod tasks;
mod users;
mod webhooks;

use utoipa::{IntoParams, ToSchema};

pub use admin::*;
pub use announcements::*;
pub use api_keys::*;
pub use auth::*;
pub use batch::*;
pub use exports::*;
pub use inbox::*;
pub use notification_rules::*;
pub use notifications::*;
pub use oidc::*;
pub use passwords::*;
pub use second_factor::*;
pub use sync::*;
pub use tasks::*;
pub use users::*;
pub use webhooks::*;

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Default 50, at most 1000
    #[param(nullable = false)]
    pub page_size: Option<u32>,
    /// `next_page_token` of the page before
    #[param(nullable = false)]
    pub page_token: Option<String>,
}

/// Nothing to say.
#[derive(Debug, ToSchema)]
pub struct Nothing {}

/// Why, if wanted.
#[derive(Debug, ToSchema)]
pub struct OnlyReason {
    /// At most 2,000 bytes.
    pub reason: Option<String>,
}
