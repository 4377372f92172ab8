//! A user as clients see one.

use domain::{policy::RoleSet, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema;

/// A user. Everybody sees id, name and state; the rest is there for the user himself and for admins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event that the fields show; the ETag.
    pub version: i64,
    /// Null once the person is erased.
    #[schema(required)]
    pub name: Option<String>,
    /// `unverified`, `active` or `deactivated`.
    pub state: String,
    /// The person is erased: nothing is known of them any more.
    pub erased: bool,
    /// What only the user and admins see.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateFields>,
}

/// The fields of a user that only the user and admins see.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PrivateFields {
    /// Canonical e-mail address; null if erased, or never given.
    #[schema(required)]
    pub email: Option<String>,
    /// Roles held.
    #[schema(schema_with = schema::roles)]
    pub roles: RoleSet,
    /// Language.
    #[schema(required)]
    pub locale: Option<String>,
    /// IANA time zone.
    #[schema(required)]
    pub time_zone: Option<String>,
    /// When the user came to be.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When the user last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}
