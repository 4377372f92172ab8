//! Commands on tasks: one, or several in one unit.

use domain::{
    ids::TaskId,
    policy::{Action, Relation},
    task::{Task, TaskCommand, TaskContext, TaskEvent},
};
use event_store::{Claim, Loaded};
use service::http::headers::IfMatch;

use super::{
    Answer, Caller, Commands, ReceiptKey, Refusal, Refused, Reply, claims, facts::Sources, merge, task_ref,
};
use crate::{
    aggregates::Trust,
    draft::{Draft, Stream},
    execute::{Plan, execute},
};

/// What a client has said about the version it has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// Only at these versions.
    IfMatch(IfMatch),
    /// Only if there is no such task yet.
    IfNew,
    /// Only if nobody has touched the same fields since this version.
    Base(i64),
}

/// One command on one task.
#[derive(Clone, Debug)]
pub struct TaskStep {
    /// Which task.
    pub task: TaskId,
    /// What is wished.
    pub command: TaskCommand,
    /// When it may be done.
    pub precondition: Precondition,
}

impl TaskStep {
    /// A step without precondition.
    pub fn new(task: TaskId, command: TaskCommand) -> Self {
        Self { task, command, precondition: Precondition::None }
    }
}

/// Steps that are done together or not at all.
#[derive(Clone, Debug, Default)]
pub struct TaskUnit {
    /// In order; several on one task are fine.
    pub steps: Vec<TaskStep>,
    /// Values to take beside those that the events imply (an imported row, a step of a process).
    pub claims: Vec<Claim>,
    /// Where the answer is kept.
    pub key: Option<ReceiptKey>,
}

/// What a step has made of its task.
#[derive(Debug)]
pub struct TaskDone {
    /// Which task.
    pub id: TaskId,
    /// As it stands after this step.
    pub task: Task,
    /// The events of this step; none if it was already so.
    pub events: Vec<TaskEvent>,
}

/// Where a command has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The aggregate's version.
    pub version: i64,
    /// Position in the log.
    pub position: i64,
}

impl Commands {
    /// Executes the steps as one unit; `reply` says what the client is told, before it is known where in the log it is.
    pub async fn tasks(
        &self,
        caller: &Caller,
        unit: &TaskUnit,
        reply: impl Fn(&[TaskDone]) -> Reply + Send + Sync,
    ) -> Result<Answer, Refused> {
        let touched = unit.steps.iter().filter(|step| !matches!(step.command, TaskCommand::Create(_)));
        let touched = touched.map(|step| task_ref(step.task)).collect();
        let _turns = self.0.locks.turns(touched).await.map_err(Refusal::from)?;
        let plan = TaskPlan { commands: self, caller, unit, reply: &reply };
        execute(&self.0.aggregates, &self.0.appender, &plan).await.map(Answer::from)
    }

    /// Executes one command for a caller in this process.
    pub async fn task(&self, caller: &Caller, step: TaskStep) -> Result<Committed, Refusal> {
        let unit = TaskUnit { steps: vec![step], ..TaskUnit::default() };
        let answer = self.tasks(caller, &unit, |_| Reply::default()).await;
        let Answer { version, position, .. } = answer.map_err(|refused| refused.why)?;
        Ok(Committed { version, position })
    }

    /// The task as the log has it now.
    pub async fn load_task(&self, id: TaskId) -> Result<Task, Refusal> {
        Ok(self.0.aggregates.get::<Task>(id.0, Trust::Log).await?.aggregate.clone())
    }

    /// Whether the caller may ask the task for this at all: the judgement before a body is read.
    pub(crate) async fn authorise_task(
        &self,
        caller: &Caller,
        id: TaskId,
        action: Action,
    ) -> Result<(), Refusal> {
        match self.judge_task(caller, id, action, Trust::Guess).await {
            Err(refusal) if refusal.is_decision() => self.judge_task(caller, id, action, Trust::Log).await,
            judged => judged,
        }
    }

    async fn judge_task(
        &self,
        caller: &Caller,
        id: TaskId,
        action: Action,
        trust: Trust,
    ) -> Result<(), Refusal> {
        let (actor, _) = caller.actor(&self.0.aggregates, trust).await?;
        let task = self.0.aggregates.get::<Task>(id.0, trust).await?;
        let relation = Relation { author: true, self_: true, ..task.aggregate.relation(&actor) };
        Ok(task.aggregate.authorise(action, &actor, relation)?)
    }
}

/// How a unit of steps is decided.
struct TaskPlan<'a, R> {
    commands: &'a Commands,
    caller: &'a Caller,
    unit: &'a TaskUnit,
    reply: &'a R,
}

impl<R: Fn(&[TaskDone]) -> Reply + Send + Sync> Plan for TaskPlan<'_, R> {
    type Aggregate = Task;

    fn caller(&self) -> &Caller {
        self.caller
    }

    async fn decide(&self, trust: Trust) -> Result<Draft<Task>, Refused> {
        let aggregates = &self.commands.0.aggregates;
        let (actor, guard) = self.caller.actor(aggregates, trust).await?;
        let sources = Sources { log: &self.commands.0.log, aggregates, trust, actor: &actor };
        let mut draft = Draft::new();
        draft.guards.extend(guard.map(|guard| (guard.aggregate, guard.sequence)));
        let mut done = Vec::with_capacity(self.unit.steps.len());
        for (index, step) in self.unit.steps.iter().enumerate() {
            let refused = |why| Refused { step: index, why };
            done.push(self.take(&mut draft, &sources, step).await.map_err(refused)?);
        }
        self.add_claims(&mut draft, &done)?;
        draft.reply = (self.reply)(&done);
        draft.receipt = self.unit.key.as_ref().map(|key| key.receipt(&draft.reply));
        Ok(draft)
    }
}

impl<R> TaskPlan<'_, R> {
    async fn take(
        &self,
        draft: &mut Draft<Task>,
        sources: &Sources<'_>,
        step: &TaskStep,
    ) -> Result<TaskDone, Refusal> {
        let index = self.open(draft, sources, step).await?;
        let state = &draft.streams[index].state;
        step.command.authorise(state, sources.actor)?;
        self.check(step, state).await?;
        let facts = sources.gather(draft, &step.command, index).await?;
        let context = TaskContext { task: step.task, actor: *sources.actor, now: self.caller.now, facts };
        let stream = &mut draft.streams[index];
        let events = stream.handle(step.command.clone(), &context).await?.to_vec();
        Ok(TaskDone { id: step.task, task: stream.state.clone(), events })
    }

    /// The task's place in the draft; a new task is not looked for, the append would find it.
    async fn open(
        &self,
        draft: &mut Draft<Task>,
        sources: &Sources<'_>,
        step: &TaskStep,
    ) -> Result<usize, Refusal> {
        let id = step.task.0;
        if let Some(index) = draft.streams.iter().position(|stream| stream.id == id) {
            return Ok(index);
        }
        let is_new = matches!(step.command, TaskCommand::Create(_)) && sources.trust == Trust::Guess;
        let loaded = if is_new {
            Loaded { aggregate: Task::default(), version: 0, occurred_at: None }
        } else {
            (*sources.aggregates.get::<Task>(id, sources.trust).await?).clone()
        };
        let stream = Stream::open(id, loaded, self.caller.now, |time| {
            self.caller.metadata(time, self.commands.node())
        })?;
        draft.streams.push(stream);
        Ok(draft.streams.len() - 1)
    }

    async fn check(&self, step: &TaskStep, task: &Task) -> Result<(), Refusal> {
        let current = task.version;
        let holds = match &step.precondition {
            Precondition::None => true,
            Precondition::IfMatch(versions) => current > 0 && versions.permits(current),
            Precondition::IfNew => current == 0,
            Precondition::Base(base) => {
                return merge::check(&self.commands.0.log, step.task, &step.command, *base, current).await;
            }
        };
        if holds { Ok(()) } else { Err(Refusal::VersionMoved { current }) }
    }

    fn add_claims(&self, draft: &mut Draft<Task>, done: &[TaskDone]) -> Result<(), Refused> {
        let mut merged = self.unit.claims.clone();
        for (index, step) in done.iter().enumerate() {
            for claim in step.events.iter().flat_map(|event| claims::of_task(event, step.id.0)) {
                let (scope, owner) = (claim.scope.clone(), claim.owner);
                if !claims::merge(&mut merged, claim) {
                    return Err(Refused { step: index, why: Refusal::Taken { scope, owner } });
                }
            }
        }
        draft.claims = merged;
        Ok(())
    }
}
