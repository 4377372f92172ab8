//! Operating: projections and parked events.

use axum::extract::Path;
use domain::{
    operation::{Operation, OperationCommand, OperationKind, Requested},
    policy::Action,
};
use serde_json::json;
use service::{
    http::{RequestBody, Wait},
    problem::{Code, Problem},
};
use uuid::Uuid;

use super::{app::uuid, ending::Ending, exchange::Exchange, problems::problem, schemas, tasks::Handled};
use crate::commands::{Answer, OperationUnit, Reply};

/// Build a projection anew, beside the live one.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/rebuild", tag = "operations",
    params(schemas::ProjectionPath, schemas::Preference), request_body = schemas::Nothing,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn rebuild(
    Path(name): Path<String>,
    wait: Wait,
    exchange: Exchange<RequestBody>,
) -> Handled {
    let known = PROJECTIONS.contains(&name.as_str());
    let name = if known { Ok(format!("projections/{name}")) } else { Err(Code::NotFound) };
    exchange.ask_for_just(wait, OperationKind::Rebuild, name).await
}

/// What can be rebuilt.
const PROJECTIONS: &[&str] = &["tasks", "task_search", "users", "audit"];

/// Try a parked event, and those that wait behind it, again.
#[utoipa::path(post, path = "/v1/admin/parked-events/{id}/replay", tag = "operations",
    params(schemas::ParkedEventPath, schemas::Preference), request_body = schemas::Nothing,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn replay(Path(id): Path<String>, wait: Wait, exchange: Exchange<RequestBody>) -> Handled {
    exchange.ask_for_just(wait, OperationKind::ReplayParked, parked(&id)).await
}

/// Give a parked event up; those that wait behind it are tried again.
#[utoipa::path(post, path = "/v1/admin/parked-events/{id}/discard", tag = "operations",
    params(schemas::ParkedEventPath, schemas::Preference), request_body = schemas::Nothing,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn discard(Path(id): Path<String>, wait: Wait, exchange: Exchange<RequestBody>) -> Handled {
    exchange.ask_for_just(wait, OperationKind::DiscardParked, parked(&id)).await
}

/// Want an operation no more.
///
/// What has not begun is not begun, a rebuild under way stops and leaves the live rows as they are, and of an export nothing is
/// left. What ended before stays as it is: `GET /v1/operations/{id}` says what came of it. Auditors may cancel exports.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations", operation_id = "cancel_operation",
    params(("id" = Uuid, Path, description = "The operation's id"), schemas::Preference), request_body = schemas::Nothing,
    responses(schemas::EndedOperation, (status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn cancel(
    Path(id): Path<String>,
    wait: Wait,
    mut exchange: Exchange<RequestBody>,
) -> Handled {
    // Whose it is to cancel is judged where it is known what it is.
    let action = if exchange.is_auditor().await { Action::AuditRead } else { Action::Operate };
    if let Some(replayed) = exchange.begin(action, None).await? {
        return Ok(replayed);
    }
    let Ok(id) = uuid(&id) else { return exchange.finish(Err(Code::InvalidId.into())).await };
    let ending = exchange.app.endings.listen(id, wait).await;
    let answered = exchange.cancel_operation(id).await;
    exchange.finish_with(answered, ending).await
}

fn parked(id: &str) -> Result<String, Code> {
    let id = id.parse::<u32>().map_err(|_| Code::InvalidId)?;
    Ok(format!("parked-events/{id}"))
}

impl Exchange {
    /// Asks for an operation under a new id; `wish` reads from the request what it is.
    pub(super) async fn ask_for(
        mut self,
        wait: Wait,
        wish: impl FnOnce(&Self) -> Result<Requested, Problem>,
    ) -> Handled {
        if let Some(replayed) = self.begin(Action::Operate, None).await? {
            return Ok(replayed);
        }
        let wished = self.refuse_query().and_then(|()| wish(&self));
        self.ask(wait, wished).await
    }

    /// The same after it was begun and the wish was read.
    pub(super) async fn ask(self, wait: Wait, wished: Result<Requested, Problem>) -> Handled {
        let requested = match wished {
            Ok(requested) => requested,
            Err(problem) => return self.finish(Err(problem)).await,
        };
        let id = Uuid::now_v7();
        let ending = self.app.endings.listen(id, wait).await;
        let unit = OperationUnit { id, command: OperationCommand::Request(requested), key: self.key() };
        let answered = self.say(&unit, "pending").await;
        self.finish_with(answered, ending).await
    }

    /// The same where the path says it all.
    pub(super) async fn ask_for_just(
        self,
        wait: Wait,
        kind: OperationKind,
        subject: Result<String, Code>,
    ) -> Handled {
        self.ask_for(wait, |exchange| {
            let subject = subject?;
            exchange.body.object()?.fields().finish()?;
            Ok(Requested::new(kind, subject))
        })
        .await
    }

    /// What is kept for a retry is the promise, also where the client gets more.
    pub(super) async fn finish_with(
        self,
        answered: Result<Answer, Problem>,
        ending: Option<Ending>,
    ) -> Handled {
        let promise = self.finish(answered).await?;
        match ending {
            Some(ending) => Ok(ending.in_place_of(promise).await),
            None => Ok(promise),
        }
    }

    async fn is_auditor(&self) -> bool {
        self.app.commands.authorise(&self.caller, Action::AuditRead, None).await.is_ok()
    }

    async fn cancel_operation(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let unit = OperationUnit { id, command: OperationCommand::Cancel, key: self.key() };
        self.say(&unit, "cancelling").await
    }

    async fn say(&self, unit: &OperationUnit, state: &'static str) -> Result<Answer, Problem> {
        let reply = |operation: &Operation| {
            let id = unit.id;
            let (kind, subject) =
                operation.requested.as_ref().map(|asked| (asked.kind, asked.subject.as_str())).unzip();
            let body = json!({
                "id": id, "name": format!("operations/{id}"), "kind": kind, "subject": subject, "state": state,
            });
            let location = Some(format!("/v1/operations/{id}"));
            Reply { status: 202, body: body.to_string(), etag: None, location }
        };
        self.app.commands.operation(&self.caller, unit, reply).await.map_err(problem)
    }
}
