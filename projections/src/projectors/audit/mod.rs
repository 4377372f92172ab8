//! Everything that happened, as auditors look for it.

mod store;

use std::{net::IpAddr, sync::Arc};

use domain::personal::Sealed;
use event_store::{Log, Origin, Sealer, Unsealed, envelope::Envelope};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    registry::{AUDIT, Projection},
};

/// Takes the key of a person away, and with it everything personal.
const ERASED: &str = "user.erased";

/// Puts every event into `audit_events`.
#[derive(Debug)]
pub struct Audit {
    sealer: Arc<Sealer>,
    log: Log,
}

/// An event, and where it came from in clear.
struct Row {
    at: Arc<Envelope>,
    session: Option<Uuid>,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Audit {
    /// Opens addresses with this sealer; they are in the log only, published to nobody.
    pub fn new(sealer: Arc<Sealer>, log: Log) -> Self {
        Self { sealer, log }
    }

    async fn put(&self, tables: &mut PgConnection, events: &[Arc<Envelope>]) -> Result<(), ApplyError> {
        let erased: Vec<Uuid> = events
            .iter()
            .filter(|event| event.event_type == ERASED)
            .map(|event| event.aggregate_id)
            .collect();
        erased.iter().for_each(|person| self.sealer.forget(*person));
        store::copy(tables, &self.rows(events).await?).await?;
        if !erased.is_empty() {
            store::purge(tables, &erased).await?;
        }
        Ok(())
    }

    async fn rows(&self, events: &[Arc<Envelope>]) -> Result<Vec<Row>, ApplyError> {
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        let mut origins = self.log.origins(&positions).await.map_err(event_store::SealError::from)?;
        let origins: Vec<Origin> =
            positions.iter().map(|position| origins.remove(position).unwrap_or_default()).collect();
        let sealed =
            |origin: &Origin| origin.ip.iter().chain(&origin.user_agent).cloned().collect::<Vec<_>>();
        let texts: Vec<Sealed> = origins.iter().flat_map(sealed).collect();
        let mut opened = self.sealer.unseal_all(&texts).await?.into_iter().map(Unsealed::clear);
        let mut open = |text: Option<Sealed>| text.and_then(|_| opened.next().flatten());
        let row = |(at, origin): (&Arc<Envelope>, Origin)| Row {
            at: at.clone(),
            session: origin.session_id,
            ip: open(origin.ip).and_then(|ip| ip.parse().ok()),
            user_agent: open(origin.user_agent),
        };
        Ok(events.iter().zip(origins).map(row).collect())
    }

    async fn fill_all(
        &self,
        tables: &mut PgConnection,
        histories: &[Vec<Arc<Envelope>>],
    ) -> Result<Vec<Unfoldable>, ApplyError> {
        self.put(tables, &histories.concat()).await?;
        Ok(Vec::new())
    }
}

impl Projector for Audit {
    fn projection(&self) -> &'static Projection {
        &AUDIT
    }

    fn folds(&self) -> Folds {
        Folds::Everything
    }

    fn apply<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        events: &'a [Arc<Envelope>],
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(self.put(tables, events))
    }

    fn fill<'a>(
        &'a self,
        tables: &'a mut PgConnection,
        histories: &'a [Vec<Arc<Envelope>>],
    ) -> BoxFuture<'a, Result<Vec<Unfoldable>, ApplyError>> {
        Box::pin(self.fill_all(tables, histories))
    }
}
