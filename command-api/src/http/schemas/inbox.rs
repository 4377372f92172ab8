//! Notices in the product.

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a notice.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct NoticePath {
    /// The notice.
    pub id: Uuid,
}

/// Up to where notices were read.
#[derive(Debug, ToSchema)]
pub struct ReadUpTo {
    /// The position of the event that the last of them is of.
    #[schema(minimum = 1)]
    pub position: i64,
}

/// What one has read.
#[derive(Debug, ToSchema)]
pub struct InboxReply {
    /// The user.
    pub id: Uuid,
    /// Sequence of the inbox's last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// Up to where all was read.
    pub read_up_to: i64,
    /// When something was read last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub update_time: Option<Timestamp>,
}
