//! Operations: wishes of operators that the projections service carries out.

use domain::operation::{Operation, OperationContext, Requested};
use event_store::Loaded;
use uuid::Uuid;

use super::{Answer, Caller, Commands, ReceiptKey, Refusal, Refused, Reply};
use crate::{
    aggregates::Trust,
    draft::{Draft, Stream},
    execute::{Plan, execute},
};

/// A new operation.
#[derive(Clone, Debug)]
pub struct OperationUnit {
    /// Its id.
    pub id: Uuid,
    /// What is wished.
    pub requested: Requested,
    /// Where the answer is kept.
    pub key: Option<ReceiptKey>,
}

impl Commands {
    /// Asks for an operation.
    pub async fn operation(
        &self,
        caller: &Caller,
        unit: &OperationUnit,
        reply: Reply,
    ) -> Result<Answer, Refusal> {
        let plan = OperationPlan { commands: self, caller, unit, reply };
        let written = execute(&self.0.aggregates, &self.0.appender, &plan).await;
        written.map(Answer::from).map_err(|refused| refused.why)
    }
}

struct OperationPlan<'a> {
    commands: &'a Commands,
    caller: &'a Caller,
    unit: &'a OperationUnit,
    reply: Reply,
}

impl Plan for OperationPlan<'_> {
    type Aggregate = Operation;

    async fn decide(&self, trust: Trust) -> Result<Draft<Operation>, Refused> {
        let (actor, guard) = self.caller.actor(&self.commands.0.aggregates, trust).await?;
        let mut draft = Draft::new();
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        let new = Loaded { aggregate: Operation::default(), version: 0, occurred_at: None };
        let mut stream = Stream::open(self.unit.id, new, self.caller.now, |time| self.caller.metadata(time))?;
        let context = OperationContext { actor, now: self.caller.now };
        stream.handle(self.unit.requested.clone(), &context).await.map_err(Refusal::from)?;
        draft.streams.push(stream);
        draft.reply = self.reply.clone();
        draft.receipt = self.unit.key.as_ref().map(|key| key.receipt(&draft.reply));
        Ok(draft)
    }
}
