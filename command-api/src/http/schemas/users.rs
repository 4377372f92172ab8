//! Users.

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a user.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The user.
    pub id: Uuid,
}

/// Somebody who is invited.
#[derive(Debug, ToSchema)]
pub struct Invite {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// Their address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `en` (default), `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name; `UTC` by default.
    pub time_zone: Option<String>,
    /// From the beginning; `member` at verification if none.
    pub roles: Option<Vec<String>>,
}

/// Changes to one's profile.
#[derive(Debug, ToSchema)]
pub struct Profile {
    /// What one is called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// `en`, `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
}

/// A role.
#[derive(Debug, ToSchema)]
pub struct RoleName {
    /// `member`, `manager`, `announcer`, `auditor`, `operator`, `admin`.
    pub role: String,
}

/// What a command on a user answers; nothing personal.
#[derive(Debug, ToSchema)]
pub struct UserReply {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// `unverified`, `active`, `deactivated`.
    pub state: String,
    /// Roles.
    pub roles: Vec<String>,
}
