//! Text of tasks, made searchable.

mod store;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use domain::task::{TaskEvent, values::Markdown};
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

pub use words::{hash, searchable, short_words, words};

use super::decode::{Decoded, decode, decode_one, unfoldable_event};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    registry::{Projection, TASK_SEARCH},
};

/// Folds the texts of task events into `task_search`.
#[derive(Debug)]
pub struct TaskSearch;

/// `part` of a task's description; its title has the task's id, a comment its own.
const DESCRIPTION: Uuid = Uuid::nil();

/// What a part says after an event.
#[derive(Clone, Debug, PartialEq)]
pub struct PartText {
    /// Position of the event.
    pub position: i64,
    /// The text, not yet made searchable; empty when it is gone, since a row that vanished could not be compared.
    pub text: String,
}

/// Parts by (task, part).
pub type Parts = BTreeMap<(Uuid, Uuid), PartText>;

impl Projector for TaskSearch {
    fn projection(&self) -> &'static Projection {
        &TASK_SEARCH
    }

    fn folds(&self) -> Folds {
        Folds::Kind("task")
    }

    fn apply<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let mut parts = Parts::new();
            for Decoded { at, event } in decode::<TaskEvent>(events)? {
                fold(&mut parts, &at, &event);
            }
            store::upsert(tables, &parts).await?;
            Ok(())
        })
    }

    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>> {
        Box::pin(async move {
            let (parts, unfoldable) = fold_histories(histories);
            store::copy(tables, &parts).await?;
            Ok(unfoldable)
        })
    }
}

/// Notes what an event says about the text of a part.
pub fn fold(parts: &mut Parts, at: &Envelope, event: &TaskEvent) {
    let task = at.aggregate_id;
    let mut set = |part: Uuid, text: Option<&str>| {
        let text = text.unwrap_or_default().into();
        parts.insert((task, part), PartText { position: at.position, text });
    };
    match event {
        TaskEvent::Created(created) => {
            set(task, Some(created.title.as_str()));
            if let Some(text) = &created.description {
                set(DESCRIPTION, Some(text.as_str()));
            }
        }
        TaskEvent::TitleChanged(change) => set(task, Some(change.to.as_str())),
        TaskEvent::DescriptionChanged(change) => set(DESCRIPTION, change.to.as_ref().map(Markdown::as_str)),
        TaskEvent::Commented(comment) => set(comment.comment.0, Some(comment.text.as_str())),
        TaskEvent::CommentEdited(edit) => set(edit.comment.0, Some(edit.to.as_str())),
        TaskEvent::CommentDeleted(entry) => set(entry.comment.0, None),
        TaskEvent::PriorityChanged(_)
        | TaskEvent::DueChanged(_)
        | TaskEvent::LabelAdded(_)
        | TaskEvent::LabelRemoved(_)
        | TaskEvent::ParentChanged(_)
        | TaskEvent::VisibilityChanged(_)
        | TaskEvent::ExternalRefChanged(_)
        | TaskEvent::Assigned(_)
        | TaskEvent::Unassigned(_)
        | TaskEvent::Watched(_)
        | TaskEvent::Unwatched(_)
        | TaskEvent::Started(_)
        | TaskEvent::Held(_)
        | TaskEvent::Resumed(_)
        | TaskEvent::Completed(_)
        | TaskEvent::Cancelled(_)
        | TaskEvent::Reopened(_)
        | TaskEvent::ProgressChanged(_)
        | TaskEvent::ChecklistItemAdded(_)
        | TaskEvent::ChecklistItemRenamed(_)
        | TaskEvent::ChecklistItemChecked(_)
        | TaskEvent::ChecklistItemUnchecked(_)
        | TaskEvent::ChecklistItemRemoved(_)
        | TaskEvent::RelationAdded(_)
        | TaskEvent::RelationRemoved(_)
        | TaskEvent::Deleted(_)
        | TaskEvent::Undeleted(_)
        | TaskEvent::RolledBack(_) => {}
    }
}

fn fold_histories(histories: &[Vec<Arc<Envelope>>]) -> (Parts, Vec<Unfoldable>) {
    let (mut parts, mut unfoldable) = (Parts::new(), Vec::new());
    for history in histories {
        for at in history {
            match decode_one::<TaskEvent>(at) {
                Ok(event) => fold(&mut parts, at, &event),
                Err(error) => {
                    unfoldable.push(unfoldable_event(at, &error.into()));
                    break;
                }
            }
        }
    }
    (parts, unfoldable)
}
