//! One by one: each command its own unit, its answer kept under the request's key and its index.

use axum::{http::StatusCode, response::Response};
use domain::ids::TaskId;
use serde_json::{Value, json};
use service::{
    audit::Target,
    problem::{Code, Problem},
};

use super::{Batch, respond, temp_ids};
use crate::{
    commands::{Answer, ReceiptKey, TaskDone, TaskStep, TaskUnit},
    http::{
        exchange::{Exchange, is_kept, with_position},
        problems::problem,
        reply,
    },
};

impl Exchange {
    pub(super) async fn singly(self, batch: &Batch, steps: Vec<TaskStep>) -> Result<Response, Problem> {
        let key = self.key().ok_or(Code::IdempotencyKeyRequired)?;
        let (mut results, mut temp_ids) = (Vec::with_capacity(steps.len()), temp_ids(batch));
        let (mut position, mut replayed) = (None, true);
        for (index, step) in steps.into_iter().enumerate() {
            let id = step.task;
            let answer = self.single(step, &key, index).await;
            replayed &= answer.as_ref().is_ok_and(|answer| answer.replayed);
            if let Ok(answer) = &answer {
                position = position.max(answer.reply.status.lt(&300).then_some(answer.position));
                correct(&mut temp_ids, &json!(id), &answer.reply.body);
            }
            if let Err(refused) = &answer
                && refused.code() == Code::IdempotencyKeyReused
            {
                return Err(refused.clone());
            }
            self.note_refusal(id, &answer);
            results.push(self.result(index, answer));
        }
        Ok(respond(&json!({"results": results, "temp_ids": temp_ids}), position, replayed))
    }

    async fn single(&self, step: TaskStep, key: &ReceiptKey, index: usize) -> Result<Answer, Problem> {
        // No client can send this key: a space is not visible.
        let key = ReceiptKey { key: format!("{} {index}", key.key), ..key.clone() };
        if let Some(stored) = self.app.commands.replay(&key).await.map_err(problem)? {
            return self.check_twin(Answer::from(stored));
        }
        let unit = TaskUnit { steps: vec![step], claims: Vec::new(), key: Some(key.clone()) };
        let reply = |done: &[TaskDone]| done.first().map(reply::of_task).unwrap_or_default();
        let done = self.app.commands.tasks(&self.caller, &unit, reply).await;
        match done.map_err(|refused| problem(refused.why)) {
            Ok(answer) => self.check_twin(answer),
            Err(refused) if is_kept(&refused) => {
                let receipt = key.receipt(&self.kept_form(&refused));
                let kept = self.app.commands.keep_refusal(receipt).await.map_err(problem)?;
                self.check_twin(kept.into())
            }
            Err(refused) => Err(refused),
        }
    }

    fn note_refusal(&self, task: TaskId, answer: &Result<Answer, Problem>) {
        let task = Target::new("task", task.0);
        match answer {
            Ok(Answer { reply, .. }) => {
                let status = StatusCode::from_u16(reply.status).unwrap_or_default();
                if !status.is_success() {
                    self.trail.refused(task, status, reply.code());
                }
            }
            Err(refused) => self.trail.refused(task, refused.status(), Some(refused.code())),
        }
    }

    fn result(&self, index: usize, answer: Result<Answer, Problem>) -> Value {
        let parsed = |body: &str| serde_json::from_str::<Value>(body).unwrap_or_default();
        match answer {
            Ok(Answer { reply, position, .. }) if reply.status < 300 => {
                json!({"index": index, "status": reply.status, "body": parsed(&with_position(&reply.body, position))})
            }
            Ok(Answer { reply, .. }) => {
                json!({"index": index, "status": reply.status, "problem": parsed(&reply.body)})
            }
            Err(refused) => {
                let problem = refused.to_json(&self.context);
                json!({"index": index, "status": refused.status().as_u16(), "problem": problem})
            }
        }
    }
}

/// A replayed create has the id that it was given the first time.
fn correct(temp_ids: &mut serde_json::Map<String, Value>, id: &Value, body: &str) {
    let kept: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(first) = kept.get("id") {
        for known in temp_ids.values_mut().filter(|known| *known == id) {
            known.clone_from(first);
        }
    }
}
