//! Operating.

use domain::time::Timestamp;
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
    /// The delivery.
    pub id: Uuid,
}

/// Why a delivery is given up.
#[derive(Debug, ToSchema)]
pub struct WhySkipped {
    /// At most 2,000 bytes.
    pub reason: String,
}

/// Which deliveries are meant; what is absent does not matter.
#[derive(Debug, ToSchema)]
pub struct DeliveryFilter {
    /// `email`, `push`, `inbox`, `interface`, `webhook`.
    pub channel: Option<String>,
    /// `pending`, `failed`, `delivered`, `exhausted`, `rejected`, `skipped`, `superseded`.
    pub state: Option<String>,
    /// Made then or after.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Made before.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
}

/// Deliveries to be tried again.
#[derive(Debug, ToSchema)]
pub struct ManyDeliveries {
    /// Which.
    pub filter: DeliveryFilter,
}

/// Deliveries to be given up.
#[derive(Debug, ToSchema)]
pub struct ManySkipped {
    /// Which.
    pub filter: DeliveryFilter,
    /// Why; at most 2,000 bytes.
    pub reason: String,
}

/// An operation that was asked for; `Location` names where it can be watched.
#[derive(Debug, ToSchema)]
pub struct OperationReply {
    /// The operation.
    pub id: Uuid,
    /// `operations/<id>`
    pub name: String,
    /// `rebuild`, `replay_parked`, `discard_parked`, `retry_deliveries`, `skip_deliveries`.
    pub kind: String,
    /// `projections/<name>`, `parked-events/<id>`, `deliveries/<id>`, `deliveries`.
    pub subject: String,
    /// `pending`; `cancelling` after a cancellation, which may come too late.
    pub state: String,
    /// Position of the request in the log.
    pub position: i64,
}
