//! Tasks as they were: what lists as of a moment find them by.

mod fold;
mod row;
mod spans;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use domain::task::TaskEvent;
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

pub use fold::fold;
pub use row::{Link, LinkSpan, Mark, VersionRow};
pub use spans::Course;

use super::decode::{Decoded, decode, decode_one, unfoldable_event};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    registry::{Projection, TASK_VERSIONS},
};

/// Folds task events into `task_versions` and `task_version_links`.
#[derive(Debug)]
pub struct TaskVersions;

impl Projector for TaskVersions {
    fn projection(&self) -> &'static Projection {
        &TASK_VERSIONS
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
            let events = decode::<TaskEvent>(events)?;
            let stored = store::load(tables, &older_tasks(&events)).await?;
            let mut courses: BTreeMap<Uuid, Course> =
                stored.into_iter().map(|row| (row.id, Course::after(row))).collect();
            for Decoded { at, event } in &events {
                courses.entry(at.aggregate_id).or_default().take(at, event)?;
            }
            let courses: Vec<Course> = courses.into_values().collect();
            store::write(tables, &courses).await?;
            Ok(())
        })
    }

    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>> {
        Box::pin(async move {
            let (courses, unfoldable) = fold_histories(histories);
            store::copy(tables, &courses).await?;
            Ok(unfoldable)
        })
    }
}

/// Tasks that were there before the batch.
fn older_tasks(events: &[Decoded<TaskEvent>]) -> Vec<Uuid> {
    let created = |event: &&Decoded<TaskEvent>| !matches!(event.event, TaskEvent::Created(_));
    let mut tasks: Vec<Uuid> = events.iter().filter(created).map(|event| event.at.aggregate_id).collect();
    tasks.sort_unstable();
    tasks.dedup();
    tasks
}

/// A history that cannot be folded to its end is folded up to the event at fault.
fn fold_histories(histories: &[Vec<Arc<Envelope>>]) -> (Vec<Course>, Vec<Unfoldable>) {
    let mut unfoldable = Vec::new();
    let mut courses = Vec::with_capacity(histories.len());
    for history in histories {
        let mut course = Course::default();
        for at in history {
            let taken = decode_one(at).map_err(ApplyError::from);
            if let Err(error) = taken.and_then(|event| Ok(course.take(at, &event)?)) {
                unfoldable.push(unfoldable_event(at, &error));
                break;
            }
        }
        courses.push(course);
    }
    (courses, unfoldable)
}
