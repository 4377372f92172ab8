//! What the routes of rules, webhooks, announcements and inboxes share.

use axum::response::Response;
use domain::{policy::Action, record::Record};
use serde::Serialize;
use serde_json::{Value, json};
use service::problem::Problem;
use uuid::Uuid;

use super::{
    exchange::{Content, Exchange},
    problems::problem,
    tasks::Handled,
};
use crate::{
    aggregates::Remembered,
    commands::{Answer, RecordDone, RecordUnit, Reply},
};

impl<B: Content> Exchange<B> {
    /// From the right to the response.
    pub(super) async fn permitted(
        mut self,
        action: Action,
        answer: impl AsyncFnOnce(&Self) -> Result<Answer, Problem>,
    ) -> Handled {
        if let Some(replayed) = self.may(action).await? {
            return Ok(replayed);
        }
        let answered = answer(&self).await;
        self.finish(answered).await
    }

    /// Whether the caller may do so to what is the caller's own; the answer of before if the key was used for it.
    pub(super) async fn may(&mut self, action: Action) -> Result<Option<Response>, Problem> {
        let me = self.user;
        self.begin(action, Some(me)).await
    }

    /// Executes one command on a record.
    pub(super) async fn on_record<R>(
        &self,
        id: Uuid,
        command: R::Command,
        reply: impl Fn(&RecordDone<R>) -> Reply + Send + Sync,
    ) -> Result<Answer, Problem>
    where
        R: Record + Remembered,
    {
        let precondition = self.precondition(None)?;
        let unit = RecordUnit { id, command, precondition, key: self.key() };
        self.app.commands.record(&self.caller, &unit, reply).await.map_err(problem)
    }
}

/// What a command on a record answers: what it is, where it stands; with `Location` if it has just been made.
pub(super) fn answer<R: Record>(done: &RecordDone<R>, collection: &str, body: impl Serialize) -> Reply {
    let version = done.record.version();
    let created = version == 1 && done.events.len() == 1;
    let mut members = json!({"id": done.id, "version": version});
    if let (Some(members), Ok(Value::Object(said))) = (members.as_object_mut(), serde_json::to_value(body)) {
        members.extend(said);
    }
    Reply {
        status: if created { 201 } else { 200 },
        body: members.to_string(),
        etag: Some(format!("\"{version}\"")),
        location: created.then(|| format!("/v1/{collection}/{}", done.id)),
    }
}
