//! Version and event make the next version, without any SQL.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use domain::task::{
    Created, TaskEvent,
    values::{Due, Status, Visibility},
};
use event_store::envelope::Envelope;

use super::row::VersionRow;
use crate::projector::FoldError;

/// What happened later than that after the log took it is ahead.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// The version that `event`, whose circumstances are `at`, makes.
pub fn fold(row: Option<&VersionRow>, at: &Envelope, event: &TaskEvent) -> Result<VersionRow, FoldError> {
    let before = match (row, event) {
        (None, TaskEvent::Created(created)) => return Ok(create(at, created)),
        (Some(_), TaskEvent::Created(_)) => return Err(FoldError::AlreadyThere),
        (None, _) => return Err(FoldError::NotThere),
        (Some(row), _) => row,
    };
    if at.version <= before.version {
        return Err(FoldError::OutOfOrder { row: before.version, event: at.version });
    }
    let mut row = VersionRow {
        since: at.position,
        until: None,
        version: at.version,
        update_time: at.occurred_at.into(),
        until_time: None,
        ahead: is_ahead(at),
        ..before.clone()
    };
    change(&mut row, at, event);
    Ok(row)
}

fn is_ahead(at: &Envelope) -> bool {
    at.occurred_at.as_datetime() > at.recorded_at.as_datetime() + AHEAD
}

fn create(at: &Envelope, created: &Created) -> VersionRow {
    VersionRow {
        id: at.aggregate_id,
        since: at.position,
        until: None,
        version: at.version,
        update_time: at.occurred_at.into(),
        until_time: None,
        ahead: is_ahead(at),
        status: Status::default().as_str().into(),
        priority: created.priority as i16,
        due: created.due.map(instant),
        labels: created.labels.iter().map(|label| label.as_str().into()).collect(),
        assignees: created.assignees.iter().map(|user| user.0).collect(),
        watchers: Vec::new(),
        creator: created.creator.0,
        parent: created.parent.map(|task| task.0),
        external_system: created.external_ref.as_ref().map(|named| named.system().into()),
        external_id: created.external_ref.as_ref().map(|named| named.id().into()),
        private: created.visibility == Visibility::Private,
        create_time: at.occurred_at.into(),
        delete_time: None,
    }
}

fn change(row: &mut VersionRow, at: &Envelope, event: &TaskEvent) {
    match event {
        TaskEvent::PriorityChanged(change) => row.priority = change.to as i16,
        TaskEvent::DueChanged(change) => row.due = change.to.map(instant),
        TaskEvent::LabelAdded(entry) => row.labels.push(entry.label.as_str().into()),
        TaskEvent::LabelRemoved(entry) => row.labels.retain(|label| label != entry.label.as_str()),
        TaskEvent::ParentChanged(change) => row.parent = change.to.map(|task| task.0),
        TaskEvent::VisibilityChanged(change) => row.private = change.to == Visibility::Private,
        TaskEvent::ExternalRefChanged(change) => {
            row.external_system = change.to.as_ref().map(|named| named.system().into());
            row.external_id = change.to.as_ref().map(|named| named.id().into());
        }
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
        TaskEvent::Deleted(_) => row.delete_time = Some(at.occurred_at.into()),
        TaskEvent::Undeleted(_) => row.delete_time = None,
        TaskEvent::Created(_)
        | TaskEvent::RolledBack(_)
        | TaskEvent::TitleChanged(_)
        | TaskEvent::DescriptionChanged(_)
        | TaskEvent::ProgressChanged(_)
        | TaskEvent::Commented(_)
        | TaskEvent::CommentEdited(_)
        | TaskEvent::CommentDeleted(_)
        | TaskEvent::ChecklistItemAdded(_)
        | TaskEvent::ChecklistItemRenamed(_)
        | TaskEvent::ChecklistItemChecked(_)
        | TaskEvent::ChecklistItemUnchecked(_)
        | TaskEvent::ChecklistItemRemoved(_)
        | TaskEvent::RelationAdded(_)
        | TaskEvent::RelationRemoved(_) => {}
    }
}

/// What filters and sorts go by: the instant, or the start of the day in UTC.
fn instant(due: Due) -> DateTime<Utc> {
    match due {
        Due::Date { date } => date.and_time(NaiveTime::MIN).and_utc(),
        Due::At { at, .. } => at.into(),
    }
}
