//! The usual batch: all lanes stand right before it, nothing is parked, and no event is at fault. One statement checks the
//! leases, locks the checkpoints and moves them, and writes the rows too if the projector says how; whatever is unusual
//! undoes it and is left to [`super::batch`].

use std::sync::Arc;

use event_store::envelope::Envelope;
use sqlx::{Arguments, Connection, PgConnection, Postgres, QueryBuilder, postgres::PgArguments};

use super::{
    batch::BatchError,
    lanes::{Leases, lane_of},
};
use crate::projector::{ApplyError, Projector, Writes};

const MOVE: &str = "
WITH moved AS (
    UPDATE read_model.checkpoints AS c SET position = $3, event_id = $4, recorded_at = $5,
        handled = c.handled + held.handled, lease_until = clock_timestamp() + make_interval(secs => $6)
    FROM unnest($7::smallint[], $8::bigint[], $9::bigint[]) AS held (lane, epoch, handled)
    WHERE c.projection = $1 AND c.version = $2 AND c.lane = held.lane AND c.lease_epoch = held.epoch
        AND c.position = $10
    RETURNING c.parked)";

const COUNT: &str = " SELECT count(*), count(*) FILTER (WHERE parked > 0) FROM moved";

/// Handles the events in one transaction, or in one statement if all are foreign. False if this batch is not a usual one:
/// of foreign events some lanes may have passed then, and of others none.
pub(super) async fn handle(
    tables: &mut PgConnection,
    projector: &dyn Projector,
    leases: &Leases,
    events: &[Arc<Envelope>],
) -> Result<bool, BatchError> {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(true) };
    let news: Vec<Arc<Envelope>> =
        events.iter().filter(|event| is_ours(projector, leases, event)).cloned().collect();
    let moving = Moving { before: first.position - 1, last, news: &news };
    if news.is_empty() {
        let moved = moving.apply(tables, leases).await?;
        return Ok(moved.lanes == leases.lanes().len());
    }
    match projector.writes(tables, &news).await {
        Ok(Some(writes)) => return moving.with(tables, leases, &*writes).await,
        Ok(None) => {}
        // Or else it was looked at too early.
        Err(error) if error.is_data() => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let mut transaction = tables.begin().await?;
    let moved = moving.apply(&mut transaction, leases).await?;
    if moved.lanes != leases.lanes().len() || moved.with_parked > 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    projector.apply(&mut transaction, &news).await?;
    transaction.commit().await?;
    projector.committed();
    Ok(true)
}

fn is_ours(projector: &dyn Projector, leases: &Leases, event: &Envelope) -> bool {
    projector.folds().includes(event) && leases.epoch(lane_of(event.aggregate_id)).is_some()
}

/// From where to where the checkpoints move, and with what.
struct Moving<'a> {
    before: i64,
    last: &'a Envelope,
    news: &'a [Arc<Envelope>],
}

/// The lanes that joined on, and those of them with parked events.
struct Moved {
    lanes: usize,
    with_parked: i64,
}

impl Moving<'_> {
    async fn apply(&self, tables: &mut PgConnection, leases: &Leases) -> sqlx::Result<Moved> {
        let (moved, with_parked): (i64, i64) =
            self.statement(leases)?.push(COUNT).build_query_as().fetch_one(tables).await?;
        Ok(Moved { lanes: usize::try_from(moved).unwrap_or(0), with_parked })
    }

    /// Moves them and writes the rows, all or nothing. False if something is in the way.
    async fn with(
        &self,
        tables: &mut PgConnection,
        leases: &Leases,
        writes: &dyn Writes,
    ) -> Result<bool, BatchError> {
        let mut sql = self.statement(leases)?;
        writes.push(&mut sql);
        // A division by zero undoes it all.
        sql.push(" SELECT 1 / (count(*) = ")
            .push_bind(i64::try_from(leases.lanes().len()).unwrap_or(i64::MAX));
        sql.push(" AND count(*) FILTER (WHERE parked > 0) = 0)::integer FROM moved");
        match sql.build().execute(tables).await {
            Ok(_) => Ok(true),
            // The other way finds out what it was; one that comes each time must be seen.
            Err(sqlx::Error::Database(error)) => {
                tracing::debug!(projection = leases.projection, %error, "not a usual batch");
                Ok(false)
            }
            Err(error) => Err(ApplyError::from(error).into()),
        }
    }

    fn statement<'a>(&self, leases: &Leases) -> sqlx::Result<QueryBuilder<'a, Postgres>> {
        let lanes = leases.lanes();
        let epochs: Vec<Option<i64>> = lanes.iter().map(|lane| leases.epoch(*lane)).collect();
        let handled: Vec<i64> = lanes.iter().map(|lane| self.handled_in(*lane)).collect();
        let mut arguments = PgArguments::default();
        let mut bound = [
            arguments.add(leases.projection),
            arguments.add(leases.version),
            arguments.add(self.last.position),
            arguments.add(self.last.id.0),
            arguments.add(self.last.recorded_at.as_datetime()),
            arguments.add(leases.lifetime.as_secs_f64()),
            arguments.add(lanes),
            arguments.add(epochs),
            arguments.add(handled),
            arguments.add(self.before),
        ]
        .into_iter();
        bound.try_for_each(|added| added.map_err(sqlx::Error::Encode))?;
        Ok(QueryBuilder::with_arguments(MOVE, arguments))
    }

    fn handled_in(&self, lane: i16) -> i64 {
        let events = self.news.iter().filter(|event| lane_of(event.aggregate_id) == lane).count();
        i64::try_from(events).unwrap_or(i64::MAX)
    }
}
