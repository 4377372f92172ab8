//! Operating.

use domain::time::Timestamp;
use service::operation::Operation;
use utoipa::{IntoParams, IntoResponses, ToSchema};
use uuid::Uuid;

/// The path of a projection.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProjectionPath {
    /// `tasks`, `task_search`, `users`, `audit`.
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

/// How the client would have it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Preference {
    /// `wait=10`: answer 200 with the operation if it ends within so many seconds (24 at most), else 202 as without.
    #[param(rename = "Prefer", nullable = false)]
    pub prefer: Option<String>,
}

/// An operation that was asked for; `Location` names where it can be watched.
#[derive(Debug, ToSchema)]
pub struct OperationReply {
    /// The operation.
    pub id: Uuid,
    /// `operations/<id>`
    pub name: String,
    /// `rebuild`, `replay_parked`, `discard_parked`, `retry_deliveries`, `skip_deliveries`, `replay_webhook`, `export`.
    pub kind: String,
    /// `projections/<name>`, `parked-events/<id>`, `deliveries/<id>`, `deliveries`, `webhooks/<id>`, `events`, `audit_records`.
    pub subject: String,
    /// `pending`; `cancelling` after a cancellation, which may come too late.
    pub state: String,
    /// Position of the request in the log.
    pub position: i64,
}

/// It has ended within the time of `Prefer: wait`.
#[derive(Debug, IntoResponses)]
#[response(status = 200, headers(
    ("Preference-Applied" = String, description = "`wait=` and the seconds that were granted"),
))]
pub struct EndedOperation(pub Operation);
