//! Users, with their names in clear.

mod fold;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use domain::{personal::Sealed, user::UserEvent};
use event_store::{Sealer, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

pub use fold::{Opened, UserRow, fold};

use super::decode::{Decoded, decode, fold_histories};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    registry::{Projection, USERS},
};

/// Folds user events into `users`.
#[derive(Debug)]
pub struct Users {
    sealer: Arc<Sealer>,
}

impl Users {
    /// Opens personal fields with this sealer.
    pub fn new(sealer: Arc<Sealer>) -> Self {
        Self { sealer }
    }

    /// Opens what the events bring, with one look-up of keys.
    async fn open(&self, events: &[Decoded<UserEvent>]) -> Result<Opened, ApplyError> {
        let texts: Vec<Sealed> =
            events.iter().flat_map(|event| fold::sealed(&event.event)).cloned().collect();
        let opened = self.sealer.unseal_all(&texts).await?;
        Ok(texts.into_iter().zip(opened).collect())
    }

    async fn apply_all(&self, tables: &mut PgConnection, events: &[Arc<Envelope>]) -> Result<(), ApplyError> {
        let events = decode::<UserEvent>(events)?;
        let opened = self.open(&events).await?;
        let ids: Vec<Uuid> = events.iter().map(|event| event.at.aggregate_id).collect();
        let mut rows = store::load(tables, &ids).await?;
        for Decoded { at, event } in &events {
            let row = fold(rows.remove(&at.aggregate_id), at, event, &opened)?;
            rows.insert(at.aggregate_id, row);
        }
        store::write(tables, &rows.into_values().collect::<Vec<_>>()).await?;
        let erased = events.iter().filter(|event| matches!(event.event, UserEvent::Erased(_)));
        erased.for_each(|event| self.sealer.forget(event.at.aggregate_id));
        Ok(())
    }

    async fn fill_all(
        &self,
        tables: &mut PgConnection,
        histories: &[Vec<Arc<Envelope>>],
    ) -> Result<Vec<Unfoldable>, ApplyError> {
        // What cannot be read is told by the fold below.
        let readable = |history: &Vec<Arc<Envelope>>| -> Vec<Decoded<UserEvent>> {
            history.iter().map_while(|at| decode(std::slice::from_ref(at)).ok()).flatten().collect()
        };
        let opened = self.open(&histories.iter().flat_map(readable).collect::<Vec<_>>()).await?;
        let (rows, unfoldable) =
            fold_histories(histories, |row, at, event: &UserEvent| fold(row, at, event, &opened));
        store::write(tables, &rows).await?;
        Ok(unfoldable)
    }
}

impl Projector for Users {
    fn projection(&self) -> &'static Projection {
        &USERS
    }

    fn folds(&self) -> Folds {
        Folds::Kind("user")
    }

    fn apply<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(self.apply_all(tables, events))
    }

    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>> {
        Box::pin(self.fill_all(tables, histories))
    }
}

/// Rows by user.
type Rows = BTreeMap<Uuid, UserRow>;
