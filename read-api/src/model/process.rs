//! Reactions of many steps.

use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::OperationProgress;

/// A reaction of many steps; its steps are the deliveries of its event on the channel `command`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Process {
    /// The process; also the id of the event that began it.
    pub id: Uuid,
    /// `hand_over`: somebody was deactivated, their open tasks go to those who created them.
    pub kind: String,
    /// `users/<id>`
    pub subject: String,
    /// That event's place in the log.
    pub position: i64,
    /// `running`; `failed`, when steps have ended in vain and an operator should look; `done`.
    pub state: String,
    /// Steps that have ended, and steps known so far.
    pub progress: OperationProgress,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When its last step ended; null while there are any left.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub end_time: Option<Timestamp>,
}
