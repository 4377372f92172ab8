//! Reading a batch: every command with its own pointers, all violations at once.

use std::collections::BTreeMap;

use domain::{
    ids::{TaskId, TaskKey, UserId},
    task::TaskCommand,
};
use service::{
    json::{self, Apart, Fields, Object, any, from_str},
    problem::{Flaw, Problem},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::http::{
    ops::{Op, Reading, task_by_id, uuid_v7},
    tasks::base_version,
};

/// Commands in one request at most.
const MAX_COMMANDS: usize = 100;
/// Characters of a temporary name at most.
const MAX_TEMP_ID: usize = 64;

/// A whole batch.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) atomic: bool,
    pub(super) commands: Vec<Item>,
    /// What the client calls the tasks that it creates.
    pub(super) temp_ids: TempIds,
}

/// What a device has done while it was away.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) commands: Vec<Queued>,
    pub(super) temp_ids: TempIds,
}

/// One command of a device, which it may send again.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) uuid: Uuid,
    /// SHA-256 of what was sent.
    pub(super) fingerprint: [u8; 32],
    pub(super) item: Result<Item, Problem>,
}

/// New tasks by the names that the client gives them.
pub(super) type TempIds = BTreeMap<String, TaskId>;

/// One command of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) task: TaskName,
    pub(super) command: TaskCommand,
    pub(super) base_version: Option<i64>,
}

/// How a command names its task.
#[derive(Clone, Copy, Debug)]
pub(super) enum TaskName {
    /// By id, given or temporary.
    Id(TaskId),
    /// By key.
    Key(TaskKey),
}

pub(super) fn read(object: &Object<'_>, user: UserId) -> Result<Batch, Problem> {
    let mut fields = object.fields();
    let atomic = fields.optional("atomic", any::<bool>).unwrap_or(true);
    let mut temp_ids = TempIds::new();
    if !fields.has("commands") {
        fields.refuse("commands", Flaw::new("REQUIRED"));
    }
    let commands =
        fields.list_of_objects("commands", 1..=MAX_COMMANDS, |_, item| read_item(item, user, &mut temp_ids));
    fields.finish_with(|| Some(Batch { atomic, commands: commands?, temp_ids }))
}

/// What is wrong with one command is said of that one only; each must be known by its uuid.
pub(super) fn read_queue(object: &Object<'_>, user: UserId) -> Result<Queue, Problem> {
    let mut fields = object.fields();
    let mut temp_ids = TempIds::new();
    if !fields.has("commands") {
        fields.refuse("commands", Flaw::new("REQUIRED"));
    }
    let mut uuids = Vec::new();
    let items = fields.objects_apart("commands", 1..=MAX_COMMANDS, |item| {
        let uuid = item.required("uuid", |uuid: Uuid| match uuids.contains(&Some(uuid)) {
            false => Ok(uuid),
            true => Err(Flaw::new("DUPLICATE").detail("is used by another command")),
        });
        uuids.push(uuid);
        read_item(item, user, &mut temp_ids)
    });
    let items = fields.finish_with(|| items)?;
    if uuids.len() != items.len() || uuids.contains(&None) {
        return Err(Problem::violations(items.into_iter().flat_map(|item| item.violations).collect()));
    }
    let commands = uuids.into_iter().flatten().zip(items).map(|(uuid, item)| queued(uuid, item)).collect();
    Ok(Queue { commands, temp_ids })
}

fn queued(uuid: Uuid, Apart { read, violations, json }: Apart<'_, Item>) -> Queued {
    let fingerprint = Sha256::digest(json.to_json().to_string()).into();
    let item = match read {
        Some(item) if violations.is_empty() => Ok(item),
        _ => Err(Problem::violations(violations)),
    };
    Queued { uuid, fingerprint, item }
}

fn read_item(fields: &mut Fields<'_>, user: UserId, temp_ids: &mut TempIds) -> Option<Item> {
    let op = fields.required("op", from_str::<Op>);
    let base_version = base_version(fields);
    let task = match op {
        Some(Op::Create) => Some(TaskName::Id(new_task(fields, temp_ids))),
        Some(_) => fields.required("id", |text: &str| name(text, temp_ids)),
        None => {
            // The rest cannot be judged without the op, but is not unknown.
            for member in ["id", "temp_id", "data"] {
                let _unread = fields.nullable(member, any::<&json::Value<'_>>);
            }
            None
        }
    };
    let resolve = |text: &str| temp_ids.get(text).map_or_else(|| task_by_id(text), |id| Ok(*id));
    let command = data(fields, op?, Reading { user, part: None, resolve: &resolve });
    Some(Item { task: task?, command: command?, base_version })
}

fn new_task(fields: &mut Fields<'_>, temp_ids: &mut TempIds) -> TaskId {
    let id = TaskId(fields.optional("id", uuid_v7).unwrap_or_else(Uuid::now_v7));
    let temp_id = fields.optional("temp_id", |text: &str| match text.chars().count() {
        1..=MAX_TEMP_ID if !temp_ids.contains_key(text) => Ok(text.to_owned()),
        1..=MAX_TEMP_ID => Err(Flaw::new("DUPLICATE").detail("is used by another command")),
        0 => Err(Flaw::new("EMPTY")),
        _ => Err(Flaw::new("TOO_LONG").param("max", MAX_TEMP_ID)),
    });
    temp_ids.extend(temp_id.map(|name| (name, id)));
    id
}

fn name(text: &str, temp_ids: &TempIds) -> Result<TaskName, Flaw> {
    if let Some(id) = temp_ids.get(text) {
        return Ok(TaskName::Id(*id));
    }
    text.parse().map(TaskName::Key).or_else(|_| task_by_id(text).map(TaskName::Id))
}

/// Data may be left out where nothing in it is needed.
fn data(fields: &mut Fields<'_>, op: Op, reading: Reading<'_>) -> Option<TaskCommand> {
    if fields.has("data") {
        return fields.optional_object("data", |data| op.read(data, reading));
    }
    let empty = json::parse_object(b"{}").ok()?;
    let mut nothing = empty.fields();
    let command = op.read(&mut nothing, reading);
    if nothing.finish().is_err() {
        fields.refuse("data", Flaw::new("REQUIRED"));
        return None;
    }
    command
}
