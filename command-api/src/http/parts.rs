//! Parts of a task: comments, checklist, relations.

use axum::{extract::Path, response::Response};
use domain::{
    policy::Action,
    task::values::{Relation, RelationType},
};
use service::{
    http::{MergePatch, RequestBody},
    problem::{Code, Problem},
};

use super::{
    app::uuid,
    exchange::{Exchange, NoBody},
    ops::{Op, Part},
    problems::problem,
    schemas,
};

type Handled = Result<Response, Problem>;

/// Write a comment.
#[utoipa::path(post, path = "/v1/tasks/{id}/comments", tag = "comments", params(schemas::TaskPath),
    request_body = schemas::NewComment, responses((status = 200, body = schemas::TaskReply)),
    extensions(("x-policy" = json!("task.comment"))))]
pub(super) async fn add_comment(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
    exchange.on_task(&id, Op::AddComment, None, true).await
}

/// Change a comment's text.
#[utoipa::path(patch, path = "/v1/tasks/{id}/comments/{comment}", tag = "comments", params(schemas::CommentPath),
    request_body(content = schemas::Text, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("comment.edit"))))]
pub(super) async fn edit_comment(
    Path((id, comment)): Path<(String, String)>,
    exchange: Exchange<MergePatch>,
) -> Handled {
    exchange.on_task(&id, Op::EditComment, Some(Part::Id(uuid(&comment)?)), true).await
}

/// Take a comment away.
#[utoipa::path(delete, path = "/v1/tasks/{id}/comments/{comment}", tag = "comments",
    params(schemas::CommentPath), responses((status = 200, body = schemas::TaskReply)),
    extensions(("x-policy" = json!("comment.delete"))))]
pub(super) async fn delete_comment(
    Path((id, comment)): Path<(String, String)>,
    exchange: Exchange<NoBody>,
) -> Handled {
    exchange.on_task(&id, Op::DeleteComment, Some(Part::Id(uuid(&comment)?)), false).await
}

/// Add a checklist item at the end.
#[utoipa::path(post, path = "/v1/tasks/{id}/checklist", tag = "checklist", params(schemas::TaskPath),
    request_body = schemas::NewItem, responses((status = 200, body = schemas::TaskReply)),
    extensions(("x-policy" = json!("task.checklist"))))]
pub(super) async fn add_item(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
    exchange.on_task(&id, Op::AddItem, None, true).await
}

/// Rename, check or uncheck a checklist item.
#[utoipa::path(patch, path = "/v1/tasks/{id}/checklist/{item}", tag = "checklist", params(schemas::ItemPath),
    request_body(content = schemas::EditItem, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.checklist"))))]
pub(super) async fn edit_item(
    Path((id, item)): Path<(String, String)>,
    exchange: Exchange<MergePatch>,
) -> Handled {
    exchange.on_task(&id, Op::EditItem, Some(Part::Id(uuid(&item)?)), true).await
}

/// Take a checklist item away.
#[utoipa::path(delete, path = "/v1/tasks/{id}/checklist/{item}", tag = "checklist", params(schemas::ItemPath),
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.checklist"))))]
pub(super) async fn remove_item(
    Path((id, item)): Path<(String, String)>,
    exchange: Exchange<NoBody>,
) -> Handled {
    exchange.on_task(&id, Op::RemoveItem, Some(Part::Id(uuid(&item)?)), false).await
}

/// Link to another task.
#[utoipa::path(post, path = "/v1/tasks/{id}/relations/{type}/{task}", tag = "relations",
    params(schemas::RelationPath), request_body = schemas::Empty,
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.edit"))))]
pub(super) async fn add_relation(
    Path((id, kind, task)): Path<(String, String, String)>,
    exchange: Exchange<RequestBody>,
) -> Handled {
    let part = relation(&exchange, &kind, &task).await?;
    exchange.on_task(&id, Op::AddRelation, Some(part), true).await
}

/// Cut a link to another task.
#[utoipa::path(delete, path = "/v1/tasks/{id}/relations/{type}/{task}", tag = "relations",
    params(schemas::RelationPath), responses((status = 200, body = schemas::TaskReply)),
    extensions(("x-policy" = json!("task.edit"))))]
pub(super) async fn remove_relation(
    Path((id, kind, task)): Path<(String, String, String)>,
    exchange: Exchange<NoBody>,
) -> Handled {
    let part = relation(&exchange, &kind, &task).await?;
    exchange.on_task(&id, Op::RemoveRelation, Some(part), false).await
}

async fn relation<B>(exchange: &Exchange<B>, kind: &str, task: &str) -> Result<Part, Problem> {
    let kind: RelationType = kind.parse().map_err(|_| Problem::new(Code::NotFound))?;
    let other = exchange.app.task_id(task).await?;
    if uuid(task).is_err() {
        // Nobody learns whose number a hidden task has.
        let seen = exchange.app.commands.authorise_task(&exchange.caller, other, Action::TaskRead).await;
        seen.map_err(problem)?;
    }
    Ok(Part::Relation(Relation { kind, task: other }))
}
