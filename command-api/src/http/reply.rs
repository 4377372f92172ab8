//! What a command on a task answers: its id, its version and what it created or changed. No names: replies are kept.

use std::collections::BTreeSet;

use domain::{
    ids::{TaskId, TaskKey},
    task::{
        ChecklistItem, Field, Task, TaskEvent,
        values::{Progress, Status, Transition},
    },
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::commands::{Reply, TaskDone};

/// The reply to one command.
pub(super) fn of_task(done: &TaskDone) -> Reply {
    let created = matches!(done.events.first(), Some(TaskEvent::Created(_)));
    let version = done.task.version;
    Reply {
        status: if created { 201 } else { 200 },
        body: if created { created_body(done) } else { changed_body(done) },
        etag: Some(format!("\"{version}\"")),
        location: created.then(|| format!("/v1/tasks/{}", done.id)),
    }
}

/// What is said of a new task.
#[derive(Serialize)]
struct Created<'a> {
    id: TaskId,
    key: Option<TaskKey>,
    version: i64,
    status: Status,
    allowed: &'a [Transition],
    progress: Progress,
    create_time: Option<Timestamp>,
    update_time: Option<Timestamp>,
}

/// The body of a create, which comes more often than all others and is written without a detour.
fn created_body(done: &TaskDone) -> String {
    let task = &done.task;
    let body = Created {
        id: done.id,
        key: task.key,
        version: task.version,
        status: task.status,
        allowed: task.status.allowed(),
        progress: task.progress,
        create_time: task.create_time,
        update_time: task.update_time,
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// The body without position.
fn changed_body(done: &TaskDone) -> String {
    let task = &done.task;
    let mut members = Map::new();
    members.insert("id".into(), json!(done.id));
    members.insert("key".into(), json!(task.key));
    members.insert("version".into(), task.version.into());
    let fields: BTreeSet<Field> = done.events.iter().filter_map(TaskEvent::field).collect();
    for field in fields {
        put(field, task, &mut members);
    }
    members.insert("update_time".into(), json!(task.update_time));
    Value::Object(members).to_string()
}

fn put(field: Field, task: &Task, members: &mut Map<String, Value>) {
    let (name, value) = match field {
        Field::Title => ("title", json!(task.title)),
        Field::Description => ("description", json!(task.description)),
        Field::Priority => ("priority", json!(task.priority)),
        Field::Due => ("due", json!(task.due)),
        Field::Labels => ("labels", json!(task.labels)),
        Field::Parent => ("parent", json!(task.parent)),
        Field::ExternalRef => ("external_ref", json!(task.external_ref)),
        Field::Visibility => ("visibility", json!(task.visibility)),
        Field::Status => return put_status(task, members),
        Field::Progress => ("progress", task.progress.percent().into()),
        Field::Deleted => {
            members.insert("purge_time".into(), json!(task.purge_time()));
            ("delete_time", json!(task.delete_time))
        }
        Field::Assignee(_) => ("assignees", task.assignees.iter().map(|id| json!({ "id": id })).collect()),
        Field::Watcher(_) => ("watchers", json!(task.watchers)),
        Field::Comment(id) => ("comment", json!({ "id": id })),
        Field::ChecklistItem(_) => ("checklist", checklist(task)),
        Field::Relation(_) => ("relations", json!(task.relations)),
    };
    members.insert(name.into(), value);
}

fn put_status(task: &Task, members: &mut Map<String, Value>) {
    let allowed = task.status.allowed().iter().map(|transition| transition.as_str());
    members.insert("status".into(), json!(task.status));
    members.insert("allowed".into(), allowed.collect());
}

pub(super) fn checklist(task: &Task) -> Value {
    let item = |item: &ChecklistItem| json!({"id": item.id, "text": item.text, "done": item.done});
    task.checklist.iter().map(item).collect()
}
