//! Operations: wishes of operators that the projections service carries out.

use domain::operation::{Operation, OperationCommand, OperationContext};
use event_store::Loaded;
use uuid::Uuid;

use super::{Answer, Caller, Commands, ReceiptKey, Refusal, Refused, Reply};
use crate::{
    aggregates::Trust,
    draft::{Draft, Stream},
    execute::{Plan, execute},
};

/// One command on one operation.
#[derive(Clone, Debug)]
pub struct OperationUnit {
    /// Its id.
    pub id: Uuid,
    /// What is wished.
    pub command: OperationCommand,
    /// Where the answer is kept.
    pub key: Option<ReceiptKey>,
}

impl Commands {
    /// Asks for an operation, or cancels it; `reply` says what the client is told.
    pub async fn operation(
        &self,
        caller: &Caller,
        unit: &OperationUnit,
        reply: impl Fn(&Operation) -> Reply + Send + Sync,
    ) -> Result<Answer, Refusal> {
        let reply = &reply;
        let plan = OperationPlan { commands: self, caller, unit, reply };
        let written = execute(&self.0.aggregates, &self.0.appender, &plan).await;
        written.map(Answer::from).map_err(|refused| refused.why)
    }
}

struct OperationPlan<'a, R> {
    commands: &'a Commands,
    caller: &'a Caller,
    unit: &'a OperationUnit,
    reply: &'a R,
}

impl<R: Fn(&Operation) -> Reply + Send + Sync> Plan for OperationPlan<'_, R> {
    type Aggregate = Operation;

    fn caller(&self) -> &Caller {
        self.caller
    }

    async fn decide(&self, trust: Trust) -> Result<Draft<Operation>, Refused> {
        let (actor, guard) = self.caller.actor(&self.commands.0.aggregates, trust).await?;
        let mut draft = Draft::new();
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        let loaded = self.load(trust).await?;
        let mut stream = Stream::open(self.unit.id, loaded, self.caller.now, |time| {
            self.caller.metadata(time, self.commands.node())
        })?;
        let context = OperationContext { actor, now: self.caller.now };
        stream.handle(self.unit.command.clone(), &context).await.map_err(Refusal::from)?;
        draft.reply = (self.reply)(&stream.state);
        draft.receipt = self.unit.key.as_ref().map(|key| key.receipt(&draft.reply));
        draft.streams.push(stream);
        Ok(draft)
    }
}

impl<R> OperationPlan<'_, R> {
    async fn load(&self, trust: Trust) -> Result<Loaded<Operation>, Refusal> {
        if matches!(self.unit.command, OperationCommand::Request(_)) && trust == Trust::Guess {
            return Ok(Loaded { aggregate: Operation::default(), version: 0, occurred_at: None });
        }
        Ok((*self.commands.0.aggregates.get::<Operation>(self.unit.id, trust).await?).clone())
    }
}
