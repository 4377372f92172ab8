//! What an intent has set off: events from the log, and what they had done outside.

use std::collections::HashMap;

use domain::{event::RecordedEvent, filter::Traced};
use event_store::Log;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Counting,
    deliveries::deliveries_of,
    history::{HistoryError, actor, people},
    users::names,
};
use crate::model::{Delivery, TraceCause, TraceEntry, TracedAggregate};

/// Deliveries of one event that are told.
const TOLD: i64 = 20;
/// Nothing reacts to itself, and no chain of ours is nearly as long.
const DEEPEST: usize = 64;

/// The intent that is meant, and the causes of the event that is; none if there is no such event.
pub async fn intent(log: &Log, of: Traced) -> Result<Option<(Uuid, Vec<TraceCause>)>, HistoryError> {
    let position = match of {
        Traced::Correlation(correlation) => return Ok(Some((correlation, Vec::new()))),
        Traced::Position(position) => position,
    };
    let Some(event) = log.event_at(position).await? else { return Ok(None) };
    let correlation = event.metadata.correlation_id;
    let mut ways = Ways::default();
    ways.learn(std::slice::from_ref(&event));
    ways.climb(log, correlation).await?;
    Ok(Some((correlation, ways.above(event.id.0))))
}

/// Which event each one reacts to, as far as it is known.
#[derive(Default)]
struct Ways(HashMap<Uuid, (i64, Option<Uuid>)>);

impl Ways {
    fn learn(&mut self, events: &[RecordedEvent]) {
        let ways = events.iter().map(|event| {
            let cause = event.metadata.causation_id.map(|id| id.0);
            (event.id.0, (event.position, cause))
        });
        self.0.extend(ways);
    }

    /// Learns what is above, level by level. An event reacts only to one of its own intent.
    async fn climb(&mut self, log: &Log, correlation: Uuid) -> Result<(), HistoryError> {
        for _level in 0..DEEPEST {
            let causes = self.0.values().filter_map(|(_, cause)| *cause);
            let unknown: Vec<Uuid> = causes.filter(|cause| !self.0.contains_key(cause)).collect();
            if unknown.is_empty() {
                break;
            }
            let found = log.causes(correlation, &unknown).await?;
            if found.is_empty() {
                break;
            }
            self.0.extend(found.into_iter().map(|(position, id, cause)| (id, (position, cause))));
        }
        Ok(())
    }

    /// The causes of an event, the nearest first.
    fn above(&self, event: Uuid) -> Vec<TraceCause> {
        let cause_of = |id: &Uuid| self.0.get(id).and_then(|(_, cause)| *cause);
        let known = |id: Uuid| self.0.get(&id).map(|(position, _)| TraceCause { position: *position, id });
        let chain = std::iter::successors(cause_of(&event), cause_of);
        chain.map_while(known).take(DEEPEST).collect()
    }
}

/// The events of an intent after this position, at most `limit`, in order.
pub async fn trace(
    log: &Log,
    pool: &PgPool,
    correlation: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<TraceEntry>, HistoryError> {
    let events = log.read_correlation(correlation, after, limit).await?;
    let mut ways = Ways::default();
    ways.learn(&events);
    ways.climb(log, correlation).await?;
    let ids: Vec<Uuid> = events.iter().map(|event| event.id.0).collect();
    let mut sent = sent(pool, &ids).await?;
    let actors: Vec<Uuid> = events.iter().flat_map(|event| people(&event.metadata)).collect();
    let names = names(pool, &actors).await?;
    let told = |event: RecordedEvent| {
        let (delivery_count, deliveries) = sent.remove(&event.id.0).unwrap_or_default();
        let above = ways.above(event.id.0);
        TraceEntry {
            position: event.position,
            id: event.id.0,
            kind: format!("{}.v{}", event.event_type, event.event_version),
            aggregate: TracedAggregate {
                kind: event.aggregate_type,
                id: event.aggregate_id,
                version: event.sequence,
            },
            occurred_at: event.metadata.occurred_at,
            recorded_at: event.recorded_at,
            actor: actor(&event.metadata, &names),
            request_id: event.metadata.request_id,
            correlation_id: event.metadata.correlation_id,
            causation_id: event.metadata.causation_id.map(|id| id.0),
            parent: above.first().map(|cause| cause.position),
            depth: above.len(),
            session_id: event.metadata.session_id,
            deliveries,
            delivery_count,
        }
    };
    Ok(events.into_iter().map(told).collect())
}

/// How many events an intent has.
pub async fn trace_count(log: &Log, correlation: Uuid, counting: Counting) -> sqlx::Result<i64> {
    let sql = counting
        .sql("SELECT position FROM event_store.events WHERE event_store.correlation_id(metadata) = $1");
    counting.read(&sqlx::query(&sql).bind(correlation.to_string()).fetch_one(log.pool()).await?)
}

/// What went outside because of these events: how many, and the first of them.
async fn sent(pool: &PgPool, events: &[Uuid]) -> sqlx::Result<HashMap<Uuid, (i64, Vec<Delivery>)>> {
    let mut sent: HashMap<Uuid, (i64, Vec<Delivery>)> = HashMap::new();
    for (count, delivery) in deliveries_of(pool, events, TOLD).await? {
        let (total, told) = sent.entry(delivery.event_id).or_default();
        *total = count;
        told.push(delivery);
    }
    Ok(sent)
}
