//! Work of an operator or an auditor that takes its time: asked for here, carried out by the projections service.

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    actor::Actor,
    delivery::DeliverySelection,
    event::{Nothing, Timed, events},
    export::Export,
    policy::{Action, Decision, Relation},
    task::values::Reason,
    time::Timestamp,
    words::words,
};

words! {
    /// What is to be done.
    OperationKind {
        /// Build a projection anew; subject `projections/<name>`.
        Rebuild = "rebuild",
        /// Try a parked event and those behind it again; subject `parked-events/<id>`.
        ReplayParked = "replay_parked",
        /// Give a parked event up; subject `parked-events/<id>`.
        DiscardParked = "discard_parked",
        /// Try deliveries again; subject `deliveries/<id>`, or `deliveries` for all that are meant.
        RetryDeliveries = "retry_deliveries",
        /// Give deliveries up; subject `deliveries/<id>`, or `deliveries` for all that are meant.
        SkipDeliveries = "skip_deliveries",
        /// Write a part of the log, or of the audit log, to a file, or have a list as one; subject is the kind, `events` say.
        Export = "export",
    }
}

/// Payload of `operation.requested`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Requested {
    /// What.
    pub kind: OperationKind,
    /// To what.
    pub subject: String,
    /// Which deliveries are meant, if they are many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<DeliverySelection>,
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What is to be in the file, if it is an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<Box<Export>>,
}

impl Requested {
    /// A wish without selection and reason.
    pub fn new(kind: OperationKind, subject: String) -> Self {
        Self { kind, subject, deliveries: None, reason: None, export: None }
    }

    /// A wish for this file.
    pub fn export(export: Export) -> Self {
        let subject = export.kind.as_str().to_owned();
        Self { export: Some(Box::new(export)), ..Self::new(OperationKind::Export, subject) }
    }
}

events! {
    /// What can have happened to an operation. How far it is stands in its read model.
    OperationEvent {
        /// An operator asked for it.
        Requested(Requested) = "operation.requested" v "1",
        /// An operator wants it no more. Whether that came in time stands in its read model.
        CancelRequested(Nothing) = "operation.cancel_requested" v "1",
    }
}

/// What operators say of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationCommand {
    /// It is to be done.
    Request(Requested),
    /// It need not be done, or not be finished.
    Cancel,
}

/// An operation as it stands: asked for or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// What was asked for.
    pub requested: Option<Requested>,
    /// It is wanted no more.
    pub cancelled: bool,
    /// When.
    pub create_time: Option<Timestamp>,
}

/// Everything known beside the operation when it is decided.
#[derive(Clone, Debug)]
pub struct OperationContext {
    /// Whose rights count.
    pub actor: Actor,
    /// The clock.
    pub now: Timestamp,
}

/// Why an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// Operators only.
    #[error("not allowed")]
    Forbidden,
    /// The id is in use.
    #[error("the id is taken")]
    IdTaken,
    /// Nobody has asked for it.
    #[error("there is no such operation")]
    NotFound,
}

impl Operation {
    /// Version of the shape that snapshots have.
    pub const SHAPE: i32 = 2;

    /// Decides: auditors may ask for exports and cancel them; operators may ask for everything else, once per operation, and
    /// cancel what anybody asked for.
    pub fn decide(
        &self,
        command: OperationCommand,
        context: &OperationContext,
    ) -> Result<Vec<OperationEvent>, OperationError> {
        if !self.permits(&command, context.actor) {
            return Err(OperationError::Forbidden);
        }
        match (command, &self.requested) {
            (OperationCommand::Request(requested), None) => Ok(vec![OperationEvent::Requested(requested)]),
            (OperationCommand::Request(requested), Some(before)) if *before == requested => Ok(Vec::new()),
            (OperationCommand::Request(_), Some(_)) => Err(OperationError::IdTaken),
            (OperationCommand::Cancel, None) => Err(OperationError::NotFound),
            (OperationCommand::Cancel, Some(_)) if self.cancelled => Ok(Vec::new()),
            (OperationCommand::Cancel, Some(_)) => Ok(vec![OperationEvent::CancelRequested(Nothing {})]),
        }
    }
}

impl Operation {
    fn permits(&self, command: &OperationCommand, actor: Actor) -> bool {
        let may = |action| match actor {
            Actor::System => true,
            Actor::Anonymous | Actor::User { .. } | Actor::Key { .. } | Actor::Import { .. } => {
                actor.decide(action, None, Relation::default()) == Decision::Allow
            }
        };
        match command {
            OperationCommand::Request(asked) if asked.kind == OperationKind::Export => may(Action::AuditRead),
            OperationCommand::Request(_) => may(Action::Operate),
            OperationCommand::Cancel => {
                let is_export = |asked: &Requested| asked.kind == OperationKind::Export;
                may(Action::Operate)
                    || self.requested.as_ref().is_some_and(is_export) && may(Action::AuditRead)
            }
        }
    }
}

impl Timed for Operation {
    fn occurred(&mut self, at: Timestamp) {
        self.create_time.get_or_insert(at);
    }

    fn last_occurred_at(&self) -> Option<Timestamp> {
        self.create_time
    }
}

impl Aggregate for Operation {
    const TYPE: &'static str = "operation";
    type Command = OperationCommand;
    type Event = OperationEvent;
    type Error = OperationError;
    type Services = OperationContext;

    async fn handle(
        &mut self,
        command: OperationCommand,
        context: &OperationContext,
        sink: &EventSink<Self>,
    ) -> Result<(), OperationError> {
        let time = self.effective_time(context.now);
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
            self.occurred(time);
        }
        Ok(())
    }

    fn apply(&mut self, event: OperationEvent) {
        self.version += 1;
        match event {
            OperationEvent::Requested(requested) => self.requested = Some(requested),
            OperationEvent::CancelRequested(Nothing {}) => self.cancelled = true,
        }
    }
}
