//! Setting bad events aside, with all later ones of their aggregates, so that the rest goes on.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use event_store::envelope::Envelope;
use futures_util::future::BoxFuture;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    batch::{BatchError, Lane},
    lanes::{Leases, lane_of},
};
use crate::projector::{ApplyError, Projector};

/// More parked events than this stop a projection.
pub const MAX_PARKED: i64 = 100;

/// So many parked events of a lane are let pass before its share counts.
const LANE_ALLOWANCE: i64 = 10;

/// Why parking one more event is too much: it is no longer the exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`MAX_PARKED`].
    #[error("more than {MAX_PARKED} events are parked")]
    Total,
    /// One event in a hundred.
    #[error("more than 1 % of the events of lane {0} are parked")]
    Lane(i16),
}

/// What is parked of one version of a projection, as this transaction sees and changes it.
pub(crate) struct Parking {
    projection: &'static str,
    version: i32,
    lanes: BTreeMap<i16, Lane>,
    aggregates: HashSet<Uuid>,
    total: i64,
    added: BTreeMap<i16, i32>,
}

const PARKED: &str = "
SELECT aggregate_id, count(*) FROM read_model.parked_events WHERE projection = $1 AND version = $2
GROUP BY aggregate_id";

const PARK: &str = "
INSERT INTO read_model.parked_events
    (projection, version, lane, aggregate_type, aggregate_id, position, event_id, event_type, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

impl Parking {
    /// Asks only when a lane says that something of it is parked; the lanes must be locked.
    pub(crate) async fn load(
        connection: &mut PgConnection,
        leases: &Leases,
        lanes: &BTreeMap<i16, Lane>,
    ) -> sqlx::Result<Self> {
        let (projection, version) = (leases.projection, leases.version);
        let parked: Vec<(Uuid, i64)> = if lanes.values().any(|lane| lane.parked > 0) {
            sqlx::query_as(PARKED).bind(projection).bind(version).fetch_all(connection).await?
        } else {
            Vec::new()
        };
        let total = parked.iter().map(|(_, count)| count).sum();
        let aggregates = parked.into_iter().map(|(aggregate, _)| aggregate).collect();
        Ok(Self { projection, version, lanes: lanes.clone(), aggregates, total, added: BTreeMap::new() })
    }

    /// How many events this transaction parks in a lane.
    pub(crate) fn added_to(&self, lane: i16) -> i32 {
        self.added.get(&lane).copied().unwrap_or(0)
    }

    /// Events of aggregates that wait must wait too; the others may go on.
    fn split(&self, events: &[Arc<Envelope>]) -> (Vec<Arc<Envelope>>, Vec<Arc<Envelope>>) {
        events.iter().cloned().partition(|event| self.aggregates.contains(&event.aggregate_id))
    }

    /// Sets an event aside, unless that is one too many.
    async fn park(
        &mut self,
        connection: &mut PgConnection,
        event: &Envelope,
        error: Option<&ApplyError>,
    ) -> sqlx::Result<Option<Limit>> {
        let lane = lane_of(event.aggregate_id);
        if let Some(limit) = self.limit(lane) {
            return Ok(Some(limit));
        }
        let reason = error.map(ToString::to_string);
        insert(connection, self.projection, self.version, event, reason.as_deref()).await?;
        if let Some(error) = error {
            let (projection, position) = (self.projection, event.position);
            tracing::error!(projection, position, aggregate = %event.aggregate_id, %error, "event parked");
        }
        self.aggregates.insert(event.aggregate_id);
        self.total += 1;
        *self.added.entry(lane).or_default() += 1;
        Ok(None)
    }

    fn limit(&self, lane: i16) -> Option<Limit> {
        let of_lane = self.lanes.get(&lane);
        let parked = of_lane.map_or(0, |lane| i64::from(lane.parked)) + i64::from(self.added_to(lane)) + 1;
        let handled = of_lane.map_or(0, |lane| lane.handled);
        if self.total >= MAX_PARKED {
            Some(Limit::Total)
        } else if parked > LANE_ALLOWANCE && parked * 100 > handled {
            Some(Limit::Lane(lane))
        } else {
            None
        }
    }
}

/// Writes an event down as parked; `reason` is what is wrong with it, if it is the one at fault.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    projection: &str,
    version: i32,
    event: &Envelope,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query(PARK)
        .bind(projection)
        .bind(version)
        .bind(lane_of(event.aggregate_id))
        .bind(&event.aggregate_type)
        .bind(event.aggregate_id)
        .bind(event.position)
        .bind(event.id.0)
        .bind(&event.event_type)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}

/// The position of an event that may not be parked any more.
type Over = Option<(i64, Limit)>;

/// Applies all at once, but for aggregates that wait.
pub(crate) async fn apply_plainly(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    events: &[Arc<Envelope>],
    parking: &mut Parking,
) -> Result<Over, BatchError> {
    let (waiting, ready) = parking.split(events);
    if let Some(over) = park_all(tables, &waiting, parking).await? {
        return Ok(Some(over));
    }
    if !ready.is_empty() {
        projector.apply(tables, &ready).await?;
    }
    Ok(None)
}

async fn park_all(
    tables: &mut PgConnection,
    waiting: &[Arc<Envelope>],
    parking: &mut Parking,
) -> Result<Over, BatchError> {
    for event in waiting {
        if let Some(limit) = parking.park(tables, event, None).await? {
            return Ok(Some((event.position, limit)));
        }
    }
    Ok(None)
}

/// Applies in savepoints, halving what fails until the event at fault stands alone and fails again; that one is parked.
pub(crate) fn apply_carefully<'a>(
    tables: &'a mut PgConnection,
    projector: &'a dyn Projector,
    events: &'a [Arc<Envelope>],
    parking: &'a mut Parking,
) -> BoxFuture<'a, Result<Over, BatchError>> {
    Box::pin(async move {
        let (waiting, ready) = parking.split(events);
        if let Some(over) = park_all(tables, &waiting, parking).await? {
            return Ok(Some(over));
        }
        let Err(error) = in_savepoint(tables, projector, &ready).await? else { return Ok(None) };
        if let [event] = ready.as_slice() {
            let limit = parking.park(tables, event, Some(&error)).await?;
            return Ok(limit.map(|limit| (event.position, limit)));
        }
        let (first, second) = ready.split_at(ready.len() / 2);
        match apply_carefully(tables, projector, first, parking).await? {
            Some(over) => Ok(Some(over)),
            None => apply_carefully(tables, projector, second, parking).await,
        }
    })
}

/// Applies all or nothing; the inner error is the events' fault.
pub(crate) async fn in_savepoint(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    events: &[Arc<Envelope>],
) -> Result<Result<(), ApplyError>, BatchError> {
    if events.is_empty() {
        return Ok(Ok(()));
    }
    let mut savepoint = tables.begin().await?;
    match projector.apply(&mut savepoint, events).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(Ok(()))
        }
        Err(error) if error.is_data() => {
            savepoint.rollback().await?;
            Ok(Err(error))
        }
        Err(error) => Err(error.into()),
    }
}
