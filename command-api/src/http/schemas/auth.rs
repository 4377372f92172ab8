//! Coming in and staying in.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a session.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SessionPath {
    /// The session.
    pub id: Uuid,
}

/// Somebody who signs up.
#[derive(Debug, ToSchema)]
pub struct Register {
    /// Their address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// 15 to 256 characters.
    #[schema(format = Password, min_length = 15, max_length = 256)]
    pub password: String,
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `en` (default), `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name; `UTC` by default.
    pub time_zone: Option<String>,
}

/// A fixed text.
#[derive(Debug, ToSchema)]
pub struct Message {
    /// For people.
    pub message: String,
}

/// E-mail and password.
#[derive(Debug, ToSchema)]
pub struct Login {
    /// Address.
    #[schema(format = Email)]
    pub email: String,
    /// Password.
    #[schema(format = Password)]
    pub password: String,
    /// Put the refresh token into a cookie instead of the answer.
    pub refresh_cookie: Option<bool>,
}

/// A refresh token, unless it comes in the cookie.
#[derive(Debug, ToSchema)]
pub struct Refresh {
    /// As the login or the last refresh has answered it.
    pub refresh_token: Option<String>,
}

/// Tokens and whose they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedIn {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
    /// For `POST /v1/auth/refresh`; absent if it is in the cookie.
    pub refresh_token: Option<String>,
    /// The session.
    pub session_id: Uuid,
    /// Who.
    pub user: Person,
}

/// Sessions.
#[derive(Debug, ToSchema)]
pub struct Sessions {
    /// The one used last first.
    pub items: Vec<Session>,
    /// Empty at the end of the list, and only there.
    pub next_page_token: String,
}

/// One of one's own sessions.
#[derive(Debug, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// The address that it was last refreshed from, or opened.
    pub ip: Option<String>,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub last_active_time: Timestamp,
    /// Whether this request belongs to it.
    pub current: bool,
}

/// Somebody, as they see themselves.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    /// The user.
    pub id: Uuid,
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: Vec<String>,
}
