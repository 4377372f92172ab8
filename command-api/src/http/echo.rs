//! Members that only the server sets, sent back with a patch: unchanged is fine.

use domain::{ids::TaskId, ids::UserId, task::Task};
use serde_json::{Map, Value, json};
use service::{json::Echoes, problem::Problem};

use super::{problems::problem, reply};
use crate::commands::{Commands, Refusal};

/// What a client may have read of a task and cannot set by a patch.
pub(super) const OUTPUT_ONLY: &[&str] = &[
    "id",
    "key",
    "version",
    "status",
    "allowed",
    "assignees",
    "watchers",
    "creator",
    "relations",
    "checklist",
    "progress",
    "comment_count",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
];

/// Refuses members that differ from what the task says now.
pub(super) async fn check(commands: &Commands, id: TaskId, echoes: &Echoes) -> Result<(), Problem> {
    let current = shown(commands, id).await.map_err(problem)?;
    echoes.check(|name| current.get(name).cloned())
}

async fn shown(commands: &Commands, id: TaskId) -> Result<Map<String, Value>, Refusal> {
    let task: Task = commands.load_task(id).await?;
    let mut people = Vec::new();
    for user in task.assignees.iter().chain(&task.creator) {
        people.push(person(commands, *user).await?);
    }
    let creator = people.pop().unwrap_or_default();
    let allowed: Vec<_> = task.status.allowed().iter().map(|transition| transition.as_str()).collect();
    let shown = json!({
        "id": id, "key": task.key, "version": task.version, "status": task.status, "allowed": allowed,
        "assignees": people, "watchers": task.watchers, "creator": creator, "relations": task.relations,
        "checklist": reply::checklist(&task), "progress": task.progress, "comment_count": task.comments.len(),
        "create_time": task.create_time, "update_time": task.update_time, "delete_time": task.delete_time,
        "purge_time": task.purge_time(),
    });
    Ok(shown.as_object().cloned().unwrap_or_default())
}

async fn person(commands: &Commands, id: UserId) -> Result<Value, Refusal> {
    let name = match commands.load_user(id).await?.name {
        Some(name) => commands.unseal(&name).await?,
        None => None,
    };
    Ok(json!({ "id": id, "name": name }))
}
