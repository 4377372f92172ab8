//! Operating.

use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a projection.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProjectionPath {
    /// `tasks`, `task_search`, `users`.
    pub name: String,
}

/// The path of a parked event.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ParkedEventPath {
    /// Its number.
    pub id: i64,
}

/// The path of a delivery.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DeliveryPath {
    /// Its id.
    pub id: Uuid,
}

/// An operation that was asked for; `Location` names where it can be watched.
#[derive(Debug, ToSchema)]
pub struct OperationReply {
    /// The operation.
    pub id: Uuid,
    /// `operations/<id>`
    pub name: String,
    /// `rebuild`, `replay_parked`, `discard_parked`, `retry_delivery`, `skip_delivery`.
    pub kind: String,
    /// `projections/<name>`, `parked-events/<id>`, `deliveries/<id>`.
    pub subject: String,
    /// `pending`; `cancelling` after a cancellation, which may come too late.
    pub state: String,
    /// Position of the request in the log.
    pub position: i64,
}
