//! Row and event make the next row: the whole meaning of the `tasks` projection, without any SQL.

use domain::{
    task::{
        CommentEdited, Commented, Created, Task, TaskEvent,
        values::{Due, ExternalRef, Priority, Visibility},
    },
    time::Timestamp,
};
use event_store::envelope::Envelope;
use uuid::Uuid;

use super::row::{ChecklistItem, CommentRow, LargeText, Relation, TaskRow};
use crate::projector::FoldError;

/// The row after `event`, whose circumstances are `at`.
pub fn fold(row: Option<TaskRow>, at: &Envelope, event: &TaskEvent) -> Result<TaskRow, FoldError> {
    let mut row = match (row, event) {
        (None, TaskEvent::Created(created)) => return Ok(create(at, created)),
        (Some(_), TaskEvent::Created(_)) => return Err(FoldError::AlreadyThere),
        (None, _) => return Err(FoldError::NotThere),
        (Some(row), _) => row,
    };
    if at.version <= row.version {
        return Err(FoldError::OutOfOrder { row: row.version, event: at.version });
    }
    change(&mut row, at, event)?;
    row.version = at.version;
    row.position = at.position;
    row.update_time = at.occurred_at.into();
    row.ahead = at.is_taken_before(row.create_time.max(row.update_time));
    Ok(row)
}

fn create(at: &Envelope, created: &Created) -> TaskRow {
    let mut row = TaskRow {
        id: at.aggregate_id,
        key: created.key.0,
        version: at.version,
        position: at.position,
        title: created.title.as_str().into(),
        description: LargeText::Set(created.description.as_ref().map(|text| text.as_str().into())),
        status: "waiting".into(),
        priority: rank(created.priority),
        due_date: None,
        due_at: None,
        due_zone: None,
        labels: created.labels.iter().map(|label| label.as_str().into()).collect(),
        assignees: created.assignees.iter().map(|user| user.0).collect(),
        watchers: Vec::new(),
        creator: created.creator.0,
        parent: created.parent.map(|task| task.0),
        external_system: None,
        external_id: None,
        private: created.visibility == Visibility::Private,
        progress: 0,
        relations: Vec::new(),
        checklist: Vec::new(),
        comment_count: 0,
        create_time: at.occurred_at.into(),
        update_time: at.occurred_at.into(),
        ahead: at.is_taken_before(at.occurred_at.into()),
        delete_time: None,
        purge_time: None,
        comments: Default::default(),
    };
    set_due(&mut row, created.due.as_ref());
    set_external_ref(&mut row, created.external_ref.as_ref());
    row
}

fn change(row: &mut TaskRow, at: &Envelope, event: &TaskEvent) -> Result<(), FoldError> {
    match event {
        TaskEvent::Created(_) => return Err(FoldError::AlreadyThere),
        TaskEvent::TitleChanged(change) => row.title = change.to.as_str().into(),
        TaskEvent::DescriptionChanged(change) => {
            row.description = LargeText::Set(change.to.as_ref().map(|text| text.as_str().into()));
        }
        TaskEvent::PriorityChanged(change) => row.priority = rank(change.to),
        TaskEvent::DueChanged(change) => set_due(row, change.to.as_ref()),
        TaskEvent::LabelAdded(entry) => row.labels.push(entry.label.as_str().into()),
        TaskEvent::LabelRemoved(entry) => row.labels.retain(|label| label != entry.label.as_str()),
        TaskEvent::ParentChanged(change) => row.parent = change.to.map(|task| task.0),
        TaskEvent::VisibilityChanged(change) => row.private = change.to == Visibility::Private,
        TaskEvent::ExternalRefChanged(change) => set_external_ref(row, change.to.as_ref()),
        TaskEvent::Assigned(entry) => row.assignees.push(entry.assignee.0),
        TaskEvent::Unassigned(entry) => row.assignees.retain(|user| *user != entry.assignee.0),
        TaskEvent::Watched(entry) => row.watchers.push(entry.user.0),
        TaskEvent::Unwatched(entry) => row.watchers.retain(|user| *user != entry.user.0),
        TaskEvent::Started(change)
        | TaskEvent::Held(change)
        | TaskEvent::Resumed(change)
        | TaskEvent::Completed(change)
        | TaskEvent::Cancelled(change)
        | TaskEvent::Reopened(change) => row.status = change.to.as_str().into(),
        TaskEvent::ProgressChanged(change) => row.progress = change.to.percent().into(),
        TaskEvent::Commented(comment) => add_comment(row, at, comment),
        TaskEvent::CommentEdited(edit) => edit_comment(row, at, edit)?,
        TaskEvent::CommentDeleted(entry) => delete_comment(row, entry.comment.0)?,
        TaskEvent::ChecklistItemAdded(item) => row.checklist.push(ChecklistItem {
            id: item.item.0,
            text: item.text.as_str().into(),
            done: false,
        }),
        TaskEvent::ChecklistItemRenamed(item) => {
            checklist_item(row, item.item.0)?.text = item.to.as_str().into()
        }
        TaskEvent::ChecklistItemChecked(item) => checklist_item(row, item.item.0)?.done = true,
        TaskEvent::ChecklistItemUnchecked(item) => checklist_item(row, item.item.0)?.done = false,
        TaskEvent::ChecklistItemRemoved(item) => row.checklist.retain(|other| other.id != item.item.0),
        TaskEvent::RelationAdded(relation) => {
            row.relations.push(Relation { kind: relation.kind.as_str().into(), task: relation.task.0 })
        }
        TaskEvent::RelationRemoved(relation) => row
            .relations
            .retain(|other| other.task != relation.task.0 || other.kind != relation.kind.as_str()),
        TaskEvent::Deleted(_) => set_deleted(row, Some(at.occurred_at)),
        TaskEvent::Undeleted(_) => set_deleted(row, None),
        TaskEvent::RolledBack(_) => {}
    }
    Ok(())
}

/// Sorts as people mean it, which the words do not.
fn rank(priority: Priority) -> i16 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
        Priority::Urgent => 3,
    }
}

fn set_due(row: &mut TaskRow, due: Option<&Due>) {
    (row.due_date, row.due_at, row.due_zone) = match due {
        None => (None, None, None),
        Some(Due::Date { date }) => (Some(*date), None, None),
        Some(Due::At { at, zone }) => (None, Some((*at).into()), Some(zone.to_string())),
    };
}

fn set_external_ref(row: &mut TaskRow, reference: Option<&ExternalRef>) {
    row.external_system = reference.map(|reference| reference.system().into());
    row.external_id = reference.map(|reference| reference.id().into());
}

fn set_deleted(row: &mut TaskRow, time: Option<Timestamp>) {
    row.delete_time = time.map(Into::into);
    row.purge_time = time.map(|time| time.plus_days(Task::PURGE_DAYS).into());
}

fn checklist_item(row: &mut TaskRow, id: Uuid) -> Result<&mut ChecklistItem, FoldError> {
    row.checklist.iter_mut().find(|item| item.id == id).ok_or(FoldError::NotThere)
}

fn add_comment(row: &mut TaskRow, at: &Envelope, comment: &Commented) {
    row.comment_count += 1;
    let added = CommentRow {
        task_id: row.id,
        id: comment.comment.0,
        author: comment.author.0,
        text: comment.text.as_str().into(),
        create_time: at.occurred_at.into(),
        edit_time: None,
        version: at.version,
        position: at.position,
    };
    row.comments.insert(added.id, added);
}

fn edit_comment(row: &mut TaskRow, at: &Envelope, edit: &CommentEdited) -> Result<(), FoldError> {
    let comment = row.comments.get_mut(&edit.comment.0).ok_or(FoldError::NotThere)?;
    comment.text = edit.to.as_str().into();
    comment.edit_time = Some(at.occurred_at.into());
    comment.version = at.version;
    comment.position = at.position;
    Ok(())
}

fn delete_comment(row: &mut TaskRow, comment: Uuid) -> Result<(), FoldError> {
    row.comments.remove(&comment).ok_or(FoldError::NotThere)?;
    row.comment_count -= 1;
    Ok(())
}
