//! Operating: projections, parked events and deliveries.

use axum::extract::Path;
use domain::{
    operation::{Operation, OperationCommand, OperationKind, Requested},
    policy::Action,
};
use serde_json::json;
use service::{
    http::RequestBody,
    problem::{Code, Problem},
};
use uuid::Uuid;

use super::{app::uuid, exchange::Exchange, problems::problem, schemas, tasks::Handled};
use crate::commands::{Answer, OperationUnit, Reply};

/// Build a projection anew, beside the live one.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/rebuild", tag = "operations",
    params(schemas::ProjectionPath), request_body = schemas::Nothing,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn rebuild(Path(name): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
    let known = PROJECTIONS.contains(&name.as_str());
    let name = if known { Ok(format!("projections/{name}")) } else { Err(Code::NotFound) };
    exchange.ask_for(OperationKind::Rebuild, name).await
}

/// What can be rebuilt.
const PROJECTIONS: &[&str] = &["tasks", "task_search", "users"];

/// Try a parked event, and those that wait behind it, again.
#[utoipa::path(post, path = "/v1/admin/parked-events/{id}/replay", tag = "operations",
    params(schemas::ParkedEventPath), request_body = schemas::Nothing,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn replay(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
    exchange.ask_for(OperationKind::ReplayParked, parked(&id)).await
}

/// Give a parked event up; those that wait behind it are tried again.
#[utoipa::path(post, path = "/v1/admin/parked-events/{id}/discard", tag = "operations",
    params(schemas::ParkedEventPath), request_body = schemas::Nothing,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn discard(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
    exchange.ask_for(OperationKind::DiscardParked, parked(&id)).await
}

/// Want an operation no more.
///
/// What has not begun is not begun, and a rebuild under way stops and leaves the live rows as they are. What ended before
/// stays as it is: `GET /v1/operations/{id}` says what came of it.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations", operation_id = "cancel_operation",
    params(("id" = Uuid, Path, description = "The operation's id")), request_body = schemas::Nothing,
    responses((status = 202, body = schemas::OperationReply)), extensions(("x-policy" = json!("operate"))))]
pub(super) async fn cancel(Path(id): Path<String>, mut exchange: Exchange<RequestBody>) -> Handled {
    if let Some(replayed) = exchange.begin(Action::Operate, None).await? {
        return Ok(replayed);
    }
    let answered = exchange.cancel_operation(&id).await;
    exchange.finish(answered).await
}

fn parked(id: &str) -> Result<String, Code> {
    let id = id.parse::<u32>().map_err(|_| Code::InvalidId)?;
    Ok(format!("parked-events/{id}"))
}

impl Exchange {
    async fn ask_for(mut self, kind: OperationKind, subject: Result<String, Code>) -> Handled {
        if let Some(replayed) = self.begin(Action::Operate, None).await? {
            return Ok(replayed);
        }
        let answered = match subject {
            Ok(subject) => self.request_operation(Requested::new(kind, subject)).await,
            Err(code) => Err(code.into()),
        };
        self.finish(answered).await
    }

    async fn request_operation(&self, requested: Requested) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        object.fields().finish()?;
        self.ask_operation(requested).await
    }

    /// Asks for it under a new id.
    pub(super) async fn ask_operation(&self, requested: Requested) -> Result<Answer, Problem> {
        let unit = OperationUnit {
            id: Uuid::now_v7(),
            command: OperationCommand::Request(requested),
            key: self.key(),
        };
        self.say(&unit, "pending").await
    }

    async fn cancel_operation(&self, id: &str) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let unit = OperationUnit { id: uuid(id)?, command: OperationCommand::Cancel, key: self.key() };
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
