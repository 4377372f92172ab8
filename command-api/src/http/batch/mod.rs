//! Many commands in one request: together in one unit, or one by one.

mod course;
mod parse;
mod singly;
pub(super) mod sync;

use domain::{ids::TaskId, policy::Action, task::TaskCommand};
use serde_json::{Value, json};
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::{exchange::Exchange, problems::step_problem, reply, schemas, tasks::Handled};
use crate::commands::{Answer, Precondition, Reply, TaskDone, TaskStep, TaskUnit};
use course::{Course, respond};
use parse::{Batch, Item, TaskName};

/// Execute many commands on tasks.
///
/// With `atomic` (the default) all are done or none, in one unit; else one by one, with a result for each (207). Later
/// commands may name a task created before by its `temp_id`. Needs an Idempotency-Key.
#[utoipa::path(post, path = "/v1/tasks/batch", tag = "tasks", request_body = schemas::Batch,
    responses((status = 200, body = schemas::BatchReply), (status = 207, body = schemas::BatchReply)),
    extensions(("x-policy" = json!("task.read"))))]
pub(super) async fn batch(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin(Action::TaskRead, None).await? {
        return Ok(replayed);
    }
    match exchange.read_batch().await {
        Ok((batch, steps)) if !batch.atomic => exchange.singly(&batch, steps).await,
        Ok((batch, steps)) => {
            let answered = exchange.together(&batch, steps).await;
            exchange.finish(answered).await
        }
        Err(refused) => exchange.finish(Err(refused)).await,
    }
}

impl Exchange {
    async fn read_batch(&self) -> Result<(Batch, Vec<TaskStep>), Problem> {
        self.refuse_query()?;
        if self.key().is_none() {
            return Err(Code::IdempotencyKeyRequired.into());
        }
        if self.precondition(None)? != Precondition::None {
            return Err(super::exchange::only_one_precondition());
        }
        let batch = parse::read(&self.body.object()?, self.user)?;
        self.meter.charge_for(batch.commands.len())?;
        let mut steps = Vec::with_capacity(batch.commands.len());
        for item in &batch.commands {
            steps.push(self.step(item).await?);
        }
        Ok((batch, steps))
    }

    /// A command with its task found, and with a key for the one that it makes.
    async fn step(&self, item: &Item) -> Result<TaskStep, Problem> {
        let task = match item.task {
            TaskName::Id(id) => id,
            TaskName::Key(key) => self.task_by_key(key).await?,
        };
        let mut command = item.command.clone();
        if let TaskCommand::Create(create) = &mut command {
            create.key = self.app.commands.next_key().await.map_err(super::problems::problem)?;
        }
        let precondition = item.base_version.map_or(Precondition::None, Precondition::Base);
        Ok(TaskStep { task, command, precondition })
    }

    /// The task of this key, or one that nobody will find when its turn comes.
    async fn task_by_key(&self, key: domain::ids::TaskKey) -> Result<TaskId, Problem> {
        let found = self.app.commands.find_key(key).await.map_err(super::problems::problem)?;
        Ok(found.unwrap_or(TaskId(Uuid::nil())))
    }

    async fn together(&self, batch: &Batch, steps: Vec<TaskStep>) -> Result<Answer, Problem> {
        let unit = TaskUnit { steps, claims: Vec::new(), key: self.key() };
        let reply = |done: &[TaskDone]| joint_reply(batch, done);
        self.app.commands.tasks(&self.caller, &unit, reply).await.map_err(step_problem)
    }
}

fn joint_reply(batch: &Batch, done: &[TaskDone]) -> Reply {
    let results = done.iter().enumerate().map(|(index, done)| {
        let Reply { status, body, .. } = reply::of_task(done);
        json!({"index": index, "status": status, "body": serde_json::from_str::<Value>(&body).unwrap_or_default()})
    });
    let body = json!({"results": results.collect::<Vec<_>>(), "temp_ids": batch.temp_ids});
    Reply { status: 200, body: body.to_string(), etag: None, location: None }
}
