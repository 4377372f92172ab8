//! How commands went that were done one by one.

use std::collections::BTreeMap;

use axum::{http::StatusCode, response::Response};
use domain::{ids::TaskId, task::TaskCommand};
use serde_json::{Map, Value, json};
use service::{audit::Target, problem::Problem};

use super::parse::TempIds;
use crate::{
    commands::{Answer, TaskStep},
    http::exchange::{self, Exchange, with_position},
};

/// What has come of the commands so far.
pub(super) struct Course<'a> {
    temp_ids: &'a TempIds,
    /// Tasks that were made, by the ids that this request had for them: what was made before has the id of that time.
    made: BTreeMap<TaskId, TaskId>,
    results: Vec<Value>,
    position: Option<i64>,
    replayed: bool,
}

impl<'a> Course<'a> {
    pub(super) fn new(temp_ids: &'a TempIds) -> Self {
        Self { temp_ids, made: BTreeMap::new(), results: Vec::new(), position: None, replayed: true }
    }

    /// The step with the ids that its tasks really have.
    pub(super) fn follow(&self, mut step: TaskStep) -> TaskStep {
        let real = |id: &TaskId| self.made.get(id).copied().unwrap_or(*id);
        step.task = real(&step.task);
        if let Some(other) = step.command.other_task_mut() {
            *other = real(other);
        }
        step
    }

    /// Takes in the answer to a step; to none if it could not be read.
    pub(super) fn note(
        &mut self,
        exchange: &Exchange,
        name: (&str, Value),
        step: Option<&TaskStep>,
        answer: Result<Answer, Problem>,
    ) {
        self.replayed &= answer.as_ref().is_ok_and(|answer| answer.replayed);
        if let Ok(answer) = &answer
            && answer.reply.status < 300
        {
            self.position = self.position.max(Some(answer.position));
            self.made.extend(step.and_then(|step| made(step, &answer.reply.body)));
        }
        note_what_left_no_event(exchange, step, &answer);
        let mut result = result(exchange, answer);
        result.insert(name.0.to_owned(), name.1);
        self.results.push(Value::Object(result));
    }

    /// Of the last event.
    pub(super) fn position(&self) -> Option<i64> {
        self.position
    }

    /// A result for each command, and what the client's names for new tasks stand for.
    pub(super) fn body(&self) -> Value {
        let made = |id: &TaskId| self.made.get(id).map(|id| json!(id));
        let temp_ids = self.temp_ids.iter().filter_map(|(name, id)| Some((name.clone(), made(id)?)));
        json!({"results": self.results, "temp_ids": temp_ids.collect::<Map<_, _>>()})
    }
}

/// The response of commands that keep no answer as a whole.
pub(super) fn respond(body: &Value, course: &Course<'_>) -> Response {
    let mut response = exchange::json_response(StatusCode::MULTI_STATUS, body);
    exchange::mark(response.headers_mut(), course.position, course.replayed);
    response
}

/// The id that a create asked for, and the one that it was given the first time.
fn made(step: &TaskStep, body: &str) -> Option<(TaskId, TaskId)> {
    let TaskCommand::Create(_) = step.command else { return None };
    let kept: Value = serde_json::from_str(body).ok()?;
    let first = kept["id"].as_str()?.parse().ok()?;
    Some((step.task, TaskId(first)))
}

fn note_what_left_no_event(exchange: &Exchange, step: Option<&TaskStep>, answer: &Result<Answer, Problem>) {
    let (trail, task) = (&exchange.trail, step.map(|step| Target::new("task", step.task.0)));
    match answer {
        Ok(Answer { reply, changed, replayed, .. }) => {
            let status = StatusCode::from_u16(reply.status).unwrap_or_default();
            match task {
                task if !status.is_success() => trail.refused(task, status, reply.code()),
                Some(task) if !changed && !replayed => trail.was_already_so(task),
                _ => {}
            }
        }
        Err(refused) => trail.refused(task, refused.status(), Some(refused.code())),
    }
}

fn result(exchange: &Exchange, answer: Result<Answer, Problem>) -> Map<String, Value> {
    let parsed = |body: &str| serde_json::from_str::<Value>(body).unwrap_or_default();
    let (status, member, value) = match answer {
        Ok(Answer { reply, position, .. }) if reply.status < 300 => {
            (reply.status, "body", parsed(&with_position(&reply.body, position)))
        }
        Ok(Answer { reply, .. }) => (reply.status, "problem", parsed(&reply.body)),
        Err(refused) => (refused.status().as_u16(), "problem", refused.to_json(&exchange.context)),
    };
    Map::from_iter([("status".to_owned(), json!(status)), (member.to_owned(), value)])
}
