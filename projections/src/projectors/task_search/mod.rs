//! Text of tasks, made searchable.

mod known;
mod parts;
mod store;
mod words;

use std::sync::Arc;

use domain::task::TaskEvent;
use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

pub use parts::{Part, Parts, fold};
pub use words::{hash, searchable, short_words, words};

use super::decode::{Decoded, decode, decode_one, unfoldable_event};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    registry::{Projection, TASK_SEARCH},
};
use known::Known;

/// Folds the texts of task events into `task_search`.
#[derive(Debug, Default)]
pub struct TaskSearch {
    /// Words that are in the tables; only of one that follows a checkpoint.
    known: Option<Known>,
}

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
            store::take_out(tables, &mut parts).await?;
            store::copy(tables, &parts, self.known.as_ref()).await?;
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
            store::copy(tables, &parts, None).await?;
            Ok(unfoldable)
        })
    }

    fn following(&self) -> Option<Box<dyn Projector>> {
        Some(Box::new(Self { known: Some(Known::default()) }))
    }

    fn committed(&self) {
        self.known.iter().for_each(Known::committed);
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
