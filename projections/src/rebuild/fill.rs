//! Filling a new version: whole histories, aggregate by aggregate, folded in memory and copied once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::event::RecordedEvent;
use event_store::{Log, LogError, envelope::Envelope};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    Options, RebuildError,
    claim::Claim,
    progress::{Meter, Phase},
};
use crate::{
    projector::{ApplyError, Folds, Projector, Unfoldable},
    runner::{Limit, MAX_PARKED, Sources, in_savepoint, park},
    script,
};

/// Of events that are read as the log has them, so many bytes at once.
const PAGE_BYTES: i64 = 16 << 20;

/// All events of some aggregates, each history up to the position where the fill ends.
type Histories = Vec<Vec<Arc<Envelope>>>;

/// Folds the log up to its present end into the new tables, makes the indexes and sets the checkpoints; says how many
/// events that were.
pub(super) async fn fill(
    projector: &dyn Projector,
    sources: &Sources,
    options: &Options,
    claim: &Claim,
    meter: &mut Meter<'_>,
) -> Result<i64, RebuildError> {
    let end = end(&sources.log).await?;
    let total = count(&sources.log, projector.folds(), end.position).await?;
    meter.enter(Phase::Filling, total);
    let mut tables = sources.read_model.tables(claim.version).await?;
    sqlx::query("SET synchronous_commit = off").execute(&mut tables).await?;
    let mut pages = read(sources.log.clone(), projector.folds(), end.position, options.page);
    let mut parked = Vec::new();
    while let Some(histories) = pages.histories.recv().await {
        let histories = histories?;
        parked.extend(copy(projector, &mut tables, &histories).await?);
        if i64::try_from(parked.len()).unwrap_or(i64::MAX) > MAX_PARKED {
            return Err(RebuildError::TooMuchParked(Limit::Total));
        }
        meter.add(histories.iter().map(Vec::len).sum());
    }
    let events = meter.done();
    meter.enter(Phase::Indexing, 0);
    index(projector, sources, claim).await?;
    finish(sources, claim, end, events, &parked).await?;
    Ok(events)
}

/// Where the log ends at this moment.
#[derive(Clone, Copy, Default)]
struct End {
    position: i64,
    event_id: Option<Uuid>,
    recorded_at: Option<DateTime<Utc>>,
}

async fn end(log: &Log) -> Result<End, LogError> {
    let event = log.event_at(log.head().await?).await?;
    Ok(event.map_or(End::default(), |event| End {
        position: event.position,
        event_id: Some(event.id.0),
        recorded_at: Some(event.recorded_at.into()),
    }))
}

const COUNT: &str = "SELECT count(*) FROM event_store.events WHERE aggregate_type = $1 AND position <= $2";

async fn count(log: &Log, folds: Folds, up_to: i64) -> sqlx::Result<i64> {
    // Positions have no gaps.
    let Folds::Kind(kind) = folds else { return Ok(up_to) };
    sqlx::query_scalar(COUNT).bind(kind).bind(up_to).fetch_one(log.pool()).await
}

/// Histories as a task reads them ahead.
struct Pages {
    histories: mpsc::Receiver<Result<Histories, LogError>>,
    _task: AbortOnDropHandle<()>,
}

fn read(log: Log, folds: Folds, up_to: i64, page: usize) -> Pages {
    let (sender, histories) = mpsc::channel(2);
    let task = tokio::spawn(async move {
        let mut reader = Reader { log, folds, up_to, page, at: 0, last: None, unfinished: Vec::new() };
        while let Some(read) = reader.next().await.transpose() {
            let failed = read.is_err();
            if sender.send(read).await.is_err() || failed {
                return;
            }
        }
    });
    Pages { histories, _task: AbortOnDropHandle::new(task) }
}

/// Reads the log in order of aggregate, or as it is.
struct Reader {
    log: Log,
    folds: Folds,
    up_to: i64,
    page: usize,
    /// How far everything was read.
    at: i64,
    /// Where the next page begins: aggregate and sequence of the last event read.
    last: Option<(Uuid, i64)>,
    /// The history that the last page broke off in.
    unfinished: Vec<Arc<Envelope>>,
}

impl Reader {
    /// The next histories that are whole; none at the end.
    async fn next(&mut self) -> Result<Option<Histories>, LogError> {
        match self.folds {
            Folds::Kind(kind) => self.next_of(kind).await,
            Folds::Everything => self.next_events().await,
        }
    }

    async fn next_events(&mut self) -> Result<Option<Histories>, LogError> {
        let limit = i64::try_from(self.page).unwrap_or(i64::MAX).min(self.up_to - self.at);
        let events = self.log.read_after(self.at, limit, PAGE_BYTES).await?;
        let Some(last) = events.last() else { return Ok(None) };
        self.at = last.position;
        events.into_iter().map(|event| Ok(vec![envelope(event)?])).collect::<Result<_, _>>().map(Some)
    }

    async fn next_of(&mut self, kind: &str) -> Result<Option<Histories>, LogError> {
        loop {
            let limit = i64::try_from(self.page).unwrap_or(i64::MAX);
            let events = self.log.read_histories(kind, self.last, self.up_to, limit).await?;
            let at_the_end = events.len() < self.page;
            let mut histories = Histories::new();
            for event in events {
                self.last = Some((event.aggregate_id, event.sequence));
                self.take(envelope(event)?, &mut histories);
            }
            if at_the_end && !self.unfinished.is_empty() {
                histories.push(std::mem::take(&mut self.unfinished));
            }
            if at_the_end || !histories.is_empty() {
                return Ok((!histories.is_empty()).then_some(histories));
            }
        }
    }

    fn take(&mut self, event: Arc<Envelope>, histories: &mut Histories) {
        if self.unfinished.first().is_some_and(|first| first.aggregate_id != event.aggregate_id) {
            histories.push(std::mem::take(&mut self.unfinished));
        }
        self.unfinished.push(event);
    }
}

fn envelope(event: RecordedEvent) -> Result<Arc<Envelope>, LogError> {
    let position = event.position;
    let envelope = Envelope::try_from(event);
    envelope.map(Arc::new).map_err(|source| LogError::Damaged { position, source: Box::new(source) })
}

/// Copies a page; histories that the tables refuse are applied one by one. Returns the events to park.
async fn copy(
    projector: &dyn Projector,
    tables: &mut PgConnection,
    histories: &[Vec<Arc<Envelope>>],
) -> Result<Vec<Parked>, RebuildError> {
    let mut transaction = tables.begin().await?;
    match projector.fill(&mut transaction, histories).await {
        Ok(unfoldable) => {
            transaction.commit().await?;
            Ok(unfoldable.iter().flat_map(|bad| park_from(histories, bad)).collect())
        }
        Err(error) if error.is_data() => {
            transaction.rollback().await?;
            one_by_one(projector, tables, histories).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn one_by_one(
    projector: &dyn Projector,
    tables: &mut PgConnection,
    histories: &[Vec<Arc<Envelope>>],
) -> Result<Vec<Parked>, RebuildError> {
    let mut parked = Vec::new();
    let mut transaction = tables.begin().await?;
    for history in histories {
        for event in history {
            if let Err(error) = in_savepoint(&mut transaction, projector, std::slice::from_ref(event)).await?
            {
                parked.extend(park_from(histories, &unfoldable(event, &error)));
                break;
            }
        }
    }
    transaction.commit().await?;
    Ok(parked)
}

fn unfoldable(event: &Envelope, error: &ApplyError) -> Unfoldable {
    Unfoldable { aggregate_id: event.aggregate_id, position: event.position, reason: error.to_string() }
}

/// An event to park, with what is wrong with it if it is the one at fault.
struct Parked {
    event: Arc<Envelope>,
    reason: Option<String>,
}

/// The event at fault and all after it in its history.
fn park_from(histories: &[Vec<Arc<Envelope>>], bad: &Unfoldable) -> Vec<Parked> {
    let of_aggregate = |history: &&Vec<Arc<Envelope>>| history[0].aggregate_id == bad.aggregate_id;
    let waiting =
        histories.iter().filter(of_aggregate).flatten().filter(|event| event.position >= bad.position);
    let reason = |event: &Envelope| (event.position == bad.position).then(|| bad.reason.clone());
    waiting.map(|event| Parked { reason: reason(event), event: event.clone() }).collect()
}

/// Makes the indexes and lets the planner know what is in the tables.
async fn index(projector: &dyn Projector, sources: &Sources, claim: &Claim) -> sqlx::Result<()> {
    let mut tables = sources.read_model.tables_without_deadline(claim.version).await?;
    sqlx::query("SET maintenance_work_mem = '256MB'").execute(&mut tables).await?;
    script::run(&mut tables, projector.projection().statements().1).await?;
    for table in projector.projection().compared {
        script::run(&mut tables, &format!("ANALYZE {}", table.name)).await?;
    }
    Ok(())
}

const LOCK: &str = "
SELECT FROM read_model.checkpoints WHERE projection = $1 AND version = $2 ORDER BY lane FOR UPDATE";

const FINISH: &str = "
UPDATE read_model.checkpoints AS c SET position = $3, event_id = $4, recorded_at = $5,
    handled = $6, parked = (SELECT count(*) FROM read_model.parked_events AS p
        WHERE p.projection = $1 AND p.version = $2 AND p.lane = c.lane)
WHERE c.projection = $1 AND c.version = $2";

/// Records what the fill has done.
async fn finish(
    sources: &Sources,
    claim: &Claim,
    end: End,
    events: i64,
    parked: &[Parked],
) -> sqlx::Result<()> {
    let (projection, version) = (claim.leases.projection, claim.version);
    let mut registry = sources.read_model.registry().await?;
    let mut transaction = registry.begin().await?;
    sqlx::query(LOCK).bind(projection).bind(version).execute(&mut *transaction).await?;
    for Parked { event, reason } in parked {
        park(&mut transaction, projection, version, event, reason.as_deref()).await?;
    }
    sqlx::query(FINISH)
        .bind(projection)
        .bind(version)
        .bind(end.position)
        .bind(end.event_id)
        .bind(end.recorded_at)
        // Nearly so: aggregates spread evenly.
        .bind(events / i64::from(crate::schema::LANES))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
