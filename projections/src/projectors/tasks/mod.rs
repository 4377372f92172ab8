//! Tasks as lists and pages show them, and what lists as of a moment find them by.

mod comments;
mod copy;
mod fold;
mod links;
mod past;
mod row;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use domain::task::TaskEvent;
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

pub use fold::fold;
pub use past::{Link, Past, Until, VersionRow};
pub use row::{ChecklistItem, CommentRow, LargeText, Relation, TaskRow};

use super::decode::{Decoded, decode, fold_histories};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable, Writes},
    registry::{Projection, TASKS},
};

/// Folds task events into `tasks`, `task_people`, `task_labels` and `comments`; what stands no more, into `task_versions` and
/// `task_past_links`.
#[derive(Debug)]
pub struct Tasks;

impl Projector for Tasks {
    fn projection(&self) -> &'static Projection {
        &TASKS
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
            let batch = Batch::of(tables, events).await?;
            let mut sql = QueryBuilder::new("WITH begun AS (SELECT)");
            batch.push(&mut sql);
            sql.push(" SELECT FROM begun").build().execute(tables).await?;
            Ok(())
        })
    }

    fn writes<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<Option<Box<dyn Writes>>, ApplyError>> {
        Box::pin(async move { Ok(Some(Box::new(Batch::of(tables, events).await?) as Box<dyn Writes>)) })
    }

    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>> {
        Box::pin(async move {
            let mut past = Past::default();
            let (rows, unfoldable) = fold_histories(histories, |row, at, event| past.fold(row, at, event));
            copy::copy(tables, &rows).await?;
            past::store::copy(tables, &past).await?;
            Ok(unfoldable)
        })
    }
}

/// A task before and after a batch.
struct Changed {
    before: Option<TaskRow>,
    after: TaskRow,
}

/// What a batch changes.
struct Batch {
    changed: Vec<Changed>,
    past: Past,
}

impl Batch {
    async fn of(tables: &mut PgConnection, events: &[Arc<Envelope>]) -> Result<Self, ApplyError> {
        let events = decode::<TaskEvent>(events)?;
        let mut before = store::load(tables, &older_tasks(&events)).await?;
        comments::load(tables, &mut before, &events).await?;
        let mut past = Past::default();
        let changed = fold_batch(before, &events, &mut past)?;
        Ok(Self { changed, past })
    }
}

impl Writes for Batch {
    fn push<'a>(&'a self, sql: &mut QueryBuilder<'a, Postgres>) {
        store::push(sql, &self.changed);
        links::push(sql, &self.changed);
        comments::push(sql, &self.changed);
        past::store::push(sql, &self.past);
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

fn fold_batch(
    mut before: BTreeMap<Uuid, TaskRow>,
    events: &[Decoded<TaskEvent>],
    past: &mut Past,
) -> Result<Vec<Changed>, ApplyError> {
    let mut after: BTreeMap<Uuid, TaskRow> = BTreeMap::new();
    for Decoded { at, event } in events {
        let id = at.aggregate_id;
        let row = after.remove(&id).or_else(|| before.get(&id).cloned());
        after.insert(id, past.fold(row, at, event)?);
    }
    Ok(after.into_iter().map(|(id, after)| Changed { before: before.remove(&id), after }).collect())
}
