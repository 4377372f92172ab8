//! API keys and service accounts.

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of an API key.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ApiKeyPath {
    /// The key's id.
    pub id: Uuid,
}

/// A key to be made.
#[derive(Debug, ToSchema)]
pub struct NewApiKey {
    /// What one calls it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `tasks:read`, `tasks:write`, `events:read`, `webhooks:manage`, `users:read`, `interface:callback`.
    #[schema(min_items = 1)]
    pub scopes: Vec<String>,
    /// Until when it is good; within a year.
    #[schema(value_type = String, format = DateTime)]
    pub expire_time: Timestamp,
    /// The service account whose key it is to be, for admins; one's own if absent.
    pub service_account: Option<Uuid>,
    /// How many reads, and how many writes, it may ask for in a minute, for admins; as many as anybody if absent.
    #[schema(minimum = 1, maximum = 60000)]
    pub rate_per_minute: Option<u32>,
}

/// A new key.
#[derive(Debug, ToSchema)]
pub struct ApiKeyReply {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// Sequence of the user's last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// What it is for.
    pub scopes: Vec<String>,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    pub expire_time: Timestamp,
    /// How many reads, and how many writes, it may ask for in a minute; null if as many as anybody.
    pub rate_per_minute: Option<u32>,
    /// The key, for `Authorization: Bearer`; in this answer and never again, not in a replay either.
    pub key: Option<String>,
}

/// A key that was revoked.
#[derive(Debug, ToSchema)]
pub struct ApiKeyRevoked {
    /// Its id.
    pub id: Uuid,
    /// Whose it was.
    pub user: Uuid,
    /// Sequence of the user's last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
}

/// Keys.
#[derive(Debug, ToSchema)]
pub struct ApiKeys {
    /// The newest first.
    pub items: Vec<ApiKey>,
    /// Always empty.
    pub next_page_token: String,
}

/// A key, as those see it who manage it.
#[derive(Debug, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What it is called; null once the person is erased.
    pub name: Option<String>,
    /// The end of the key.
    pub last_characters: String,
    /// What it is for.
    pub scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    pub expire_time: Timestamp,
    /// How many reads, and how many writes, it may ask for in a minute; null if as many as anybody.
    pub rate_per_minute: Option<u32>,
    /// When it was last used, to the minute; null if never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_time: Option<Timestamp>,
}

/// A program that is to be a user of its own.
#[derive(Debug, ToSchema)]
pub struct NewServiceAccount {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What its keys may be for; everything if absent.
    pub scopes: Option<Vec<String>>,
}

/// A new service account.
#[derive(Debug, ToSchema)]
pub struct ServiceAccountReply {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// `active`
    pub state: String,
    /// Roles.
    pub roles: Vec<String>,
    /// What its keys may be for.
    pub scopes: Vec<String>,
}

/// Service accounts.
#[derive(Debug, ToSchema)]
pub struct ServiceAccounts {
    /// The oldest first.
    pub items: Vec<ServiceAccount>,
    /// Empty at the end of the list, and only there.
    pub next_page_token: String,
}

/// A service account. It is deactivated and gets roles like any user.
#[derive(Debug, ToSchema)]
pub struct ServiceAccount {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event.
    pub version: i64,
    /// What it is called.
    pub name: Option<String>,
    /// `active`, `deactivated`.
    pub state: String,
    /// Roles.
    pub roles: Vec<String>,
    /// What its keys may be for.
    pub scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
}
