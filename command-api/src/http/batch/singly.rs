//! One by one: each command its own unit, its answer kept under the request's key and its index.

use axum::response::Response;
use serde_json::json;
use service::problem::{Code, Problem};

use super::{Batch, Course, respond};
use crate::{
    commands::{Answer, ReceiptKey, TaskDone, TaskStep, TaskUnit},
    http::{
        exchange::{Exchange, answer_to, in_flight, is_kept},
        problems::problem,
        reply,
    },
};

impl Exchange {
    pub(super) async fn singly(self, batch: &Batch, steps: Vec<TaskStep>) -> Result<Response, Problem> {
        let key = self.key().ok_or(Code::IdempotencyKeyRequired)?;
        let mut course = Course::new(&batch.temp_ids);
        for (index, step) in steps.into_iter().enumerate() {
            // No client can send this key: a space is not visible.
            let key = ReceiptKey { key: format!("{} {index}", key.key), ..key.clone() };
            let step = course.follow(step);
            let answer = self.single(&step, &key).await;
            if let Err(refused) = &answer
                && refused.code() == Code::IdempotencyKeyReused
            {
                return Err(refused.clone());
            }
            course.note(&self, ("index", json!(index)), Some(&step), answer);
        }
        Ok(respond(&course.body(), &course))
    }

    /// One of many commands, once for each key.
    pub(super) async fn single(&self, step: &TaskStep, key: &ReceiptKey) -> Result<Answer, Problem> {
        let _turn = self.app.commands.enter(key).await.map_err(|_| in_flight())?;
        if let Some(stored) = self.app.commands.replay(key).await.map_err(problem)? {
            return answer_to(key, Answer::from(stored));
        }
        let unit = TaskUnit { steps: vec![step.clone()], claims: Vec::new(), key: Some(key.clone()) };
        let reply = |done: &[TaskDone]| done.first().map(reply::of_task).unwrap_or_default();
        let done = self.app.commands.tasks(&self.caller, &unit, reply).await;
        match done.map_err(|refused| problem(refused.why)) {
            Ok(answer) => answer_to(key, answer),
            Err(refused) => self.keep(refused, key).await,
        }
    }

    /// The refusal, kept if a retry must meet it again.
    pub(super) async fn keep(&self, refused: Problem, key: &ReceiptKey) -> Result<Answer, Problem> {
        if !is_kept(&refused) {
            return Err(refused);
        }
        let receipt = key.receipt(&self.kept_form(&refused));
        let kept = self.app.commands.keep_refusal(receipt).await.map_err(problem)?;
        answer_to(key, kept.into())
    }
}
