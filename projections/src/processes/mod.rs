//! Process managers: reactions that take many steps, each a command that the system asks for.
//!
//! The reactor [`Processes`] begins a process with its first steps; the channel [`StepChannel`] takes them, and may find
//! further ones. Steps are deliveries: each is taken once or again after a crash, under a key of its own, so that its command
//! is carried out once; operators see them, and retry or skip them, as they do with any other delivery.

mod begin;
mod hand_over;
mod step;

use domain::{ids::EventId, time::Timestamp};
use event_store::envelope::Envelope;
use uuid::Uuid;

pub use begin::Processes;
pub use step::{StepChannel, StepSources};

use crate::deliveries::NewDelivery;
use step::Step;

/// The channel that steps go through.
pub const CHANNEL: &str = "command";

/// What a step belongs to.
#[derive(Clone, Copy, Debug)]
struct Process {
    id: EventId,
    position: i64,
}

impl Process {
    /// The one that this event begins.
    fn of(event: &Envelope) -> Self {
        Self { id: event.id, position: event.position }
    }

    /// A step of it; `name` tells it from the others.
    fn step(
        self,
        name: String,
        step: &Step,
        correlation: Uuid,
        due: Option<Timestamp>,
    ) -> Result<NewDelivery, serde_json::Error> {
        let payload = step::Payload { position: self.position, correlation, step: step.clone() };
        Ok(NewDelivery {
            event_id: self.id,
            position: self.position,
            channel: CHANNEL,
            recipient: name,
            order_key: None,
            due,
            payload: serde_json::to_value(payload)?,
        })
    }
}
