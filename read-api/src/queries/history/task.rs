//! The history of a task.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    event::RecordedEvent,
    ids::UserId,
    task::{Created, Field, TaskEvent, values::Markdown},
};
use event_store::Log;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    HistoryError, HistoryPage, count,
    entry::{Names, change, entry, json, people, person},
    next_before, read,
    told::{Told, open},
    understand,
};
use crate::{
    model::FieldChange,
    queries::{Counting, names},
};

const KIND: &str = "task";

/// How many events a task has.
pub async fn task_history_count(log: &Log, task: Uuid, counting: Counting) -> sqlx::Result<i64> {
    count(log, KIND, task, counting).await
}

/// The events of a task before sequence `before`, at most `limit`.
pub async fn task_history(
    log: &Log,
    users: &PgPool,
    task: Uuid,
    before: i64,
    limit: i64,
) -> Result<HistoryPage, HistoryError> {
    let events: Vec<(RecordedEvent, TaskEvent)> = read(log, KIND, task, before, limit).await?;
    let texts = old_texts(log, task, &events).await?;
    let names = names(users, &everybody(&events)).await?;
    let told = |(event, fact): &(RecordedEvent, TaskEvent)| {
        let known = Known { texts: &texts, names: &names };
        entry(event, changes(fact, &known), reason(fact), &names)
    };
    Ok(HistoryPage { entries: events.iter().map(told).collect(), next_before: next_before(&events) })
}

/// What those of these events changed that are of tasks and can be understood, by position.
pub(super) async fn tell(
    log: &Log,
    users: &PgPool,
    events: &[RecordedEvent],
) -> Result<HashMap<i64, Told>, HistoryError> {
    let mut tasks: BTreeMap<Uuid, Vec<(RecordedEvent, TaskEvent)>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.aggregate_type == KIND) {
        if let Ok(fact) = understand(event) {
            tasks.entry(event.aggregate_id).or_default().push((event.clone(), fact));
        }
    }
    let people: Vec<Uuid> = tasks.values().flat_map(|events| everybody(events)).collect();
    let names = names(users, &people).await?;
    let mut told = HashMap::new();
    for (task, events) in tasks {
        let texts = old_texts(log, task, &events).await?;
        let known = Known { texts: &texts, names: &names };
        let tell = |(event, fact): &(RecordedEvent, TaskEvent)| {
            (event.position, Told { changes: open(changes(fact, &known)), reason: reason(fact) })
        };
        told.extend(events.iter().map(tell));
    }
    Ok(told)
}

/// What the events themselves do not say.
struct Known<'a> {
    texts: &'a HashMap<i64, Value>,
    names: &'a Names,
}

impl Known<'_> {
    /// The text that the event of this sequence set.
    fn text(&self, sequence: Option<i64>) -> Value {
        sequence.and_then(|sequence| self.texts.get(&sequence).cloned()).unwrap_or_default()
    }

    fn person(&self, id: UserId) -> Value {
        json(person(id.0, self.names))
    }
}

/// The texts that descriptions and comments had before, by the sequence of the event that set each.
async fn old_texts(
    log: &Log,
    task: Uuid,
    events: &[(RecordedEvent, TaskEvent)],
) -> Result<HashMap<i64, Value>, HistoryError> {
    let wanted: BTreeSet<i64> = events.iter().filter_map(|(_, fact)| refers_to(fact)).collect();
    let here = events.iter().filter(|(event, _)| wanted.contains(&event.sequence));
    let mut texts: HashMap<i64, Value> = here.map(|(event, fact)| (event.sequence, text_of(fact))).collect();
    let missing: Vec<i64> = wanted.into_iter().filter(|sequence| !texts.contains_key(sequence)).collect();
    if !missing.is_empty() {
        for event in log.read_aggregate_at(KIND, task, &missing).await? {
            texts.insert(event.sequence, text_of(&understand(&event)?));
        }
    }
    Ok(texts)
}

fn refers_to(fact: &TaskEvent) -> Option<i64> {
    match fact {
        TaskEvent::DescriptionChanged(changed) => changed.from,
        TaskEvent::CommentEdited(edited) => Some(edited.from),
        _ => None,
    }
}

fn text_of(fact: &TaskEvent) -> Value {
    let text: Option<&Markdown> = match fact {
        TaskEvent::Created(created) => created.description.as_ref(),
        TaskEvent::DescriptionChanged(changed) => changed.to.as_ref(),
        TaskEvent::Commented(commented) => Some(&commented.text),
        TaskEvent::CommentEdited(edited) => Some(&edited.to),
        _ => None,
    };
    json(text)
}

fn everybody(events: &[(RecordedEvent, TaskEvent)]) -> Vec<Uuid> {
    let mut ids = BTreeSet::new();
    for (event, fact) in events {
        ids.extend(people(&event.metadata));
        match fact {
            TaskEvent::Created(created) => ids.extend(created.assignees.iter().map(|id| id.0)),
            TaskEvent::Assigned(entry) | TaskEvent::Unassigned(entry) => drop(ids.insert(entry.assignee.0)),
            TaskEvent::Watched(entry) | TaskEvent::Unwatched(entry) => drop(ids.insert(entry.user.0)),
            _ => {}
        }
    }
    ids.into_iter().collect()
}

fn reason(fact: &TaskEvent) -> Option<String> {
    match fact {
        TaskEvent::Started(status)
        | TaskEvent::Held(status)
        | TaskEvent::Resumed(status)
        | TaskEvent::Completed(status)
        | TaskEvent::Cancelled(status)
        | TaskEvent::Reopened(status) => status.reason.as_ref().map(ToString::to_string),
        _ => None,
    }
}

/// One match without a default, so that a new event cannot be forgotten here.
fn changes(fact: &TaskEvent, known: &Known<'_>) -> Vec<FieldChange> {
    use TaskEvent::{
        Assigned, Cancelled, ChecklistItemAdded, ChecklistItemChecked, ChecklistItemRemoved,
        ChecklistItemRenamed, ChecklistItemUnchecked, CommentDeleted, CommentEdited, Commented, Completed,
        Deleted, DescriptionChanged, DueChanged, ExternalRefChanged, Held, LabelAdded, LabelRemoved,
        ParentChanged, PriorityChanged, ProgressChanged, RelationAdded, RelationRemoved, Reopened, Resumed,
        RolledBack, Started, TitleChanged, Unassigned, Undeleted, Unwatched, VisibilityChanged, Watched,
    };
    const NONE: Value = Value::Null;
    let field = || fact.field().map(|field: Field| field.to_string()).unwrap_or_default();
    let one = |old: Value, new: Value| vec![change(field(), old, new)];
    match fact {
        TaskEvent::Created(task) => created(task, known),
        TitleChanged(title) => one(json(&title.from), json(&title.to)),
        DescriptionChanged(text) => one(known.text(text.from), json(&text.to)),
        PriorityChanged(priority) => one(json(priority.from), json(priority.to)),
        DueChanged(due) => one(json(due.from), json(due.to)),
        LabelAdded(entry) => one(NONE, json(&entry.label)),
        LabelRemoved(entry) => one(json(&entry.label), NONE),
        ParentChanged(parent) => one(json(parent.from), json(parent.to)),
        VisibilityChanged(visibility) => one(json(visibility.from), json(visibility.to)),
        ExternalRefChanged(named) => one(json(&named.from), json(&named.to)),
        Assigned(entry) => vec![change("assignees", NONE, known.person(entry.assignee))],
        Unassigned(entry) => vec![change("assignees", known.person(entry.assignee), NONE)],
        Watched(entry) => vec![change("watchers", NONE, known.person(entry.user))],
        Unwatched(entry) => vec![change("watchers", known.person(entry.user), NONE)],
        Started(status) | Held(status) | Resumed(status) | Completed(status) | Cancelled(status)
        | Reopened(status) => one(json(status.from), json(status.to)),
        ProgressChanged(progress) => one(json(progress.from), json(progress.to)),
        Commented(comment) => one(NONE, json(&comment.text)),
        CommentEdited(comment) => one(known.text(Some(comment.from)), json(&comment.to)),
        CommentDeleted(_) => vec![change(field() + "/deleted", json(false), json(true))],
        ChecklistItemAdded(item) => one(NONE, json(&item.text)),
        ChecklistItemRenamed(item) => one(json(&item.from), json(&item.to)),
        ChecklistItemChecked(_) => vec![change(field() + "/done", json(false), json(true))],
        ChecklistItemUnchecked(_) => vec![change(field() + "/done", json(true), json(false))],
        ChecklistItemRemoved(item) => one(json(&item.text), NONE),
        RelationAdded(relation) => vec![change("relations", NONE, json(relation))],
        RelationRemoved(relation) => vec![change("relations", json(relation), NONE)],
        Deleted(_) => one(json(false), json(true)),
        Undeleted(_) => one(json(true), json(false)),
        RolledBack(rollback) => vec![change("rolled_back_to", NONE, json(rollback.to))],
    }
}

/// What the task began with; what it began without is no change.
fn created(task: &Created, known: &Known<'_>) -> Vec<FieldChange> {
    let mut fields = vec![
        ("key", json(task.key)),
        ("title", json(&task.title)),
        ("description", json(&task.description)),
        ("priority", json(task.priority)),
        ("due", json(task.due)),
        ("parent", json(task.parent)),
        ("external_ref", json(&task.external_ref)),
        ("visibility", json(task.visibility)),
    ];
    fields.extend(task.labels.iter().map(|label| ("labels", json(label))));
    fields.extend(task.assignees.iter().map(|id| ("assignees", known.person(*id))));
    let given = fields.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(field, value)| change(field, Value::Null, value)).collect()
}
