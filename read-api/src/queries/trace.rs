//! What an intent has set off: events from the log, and what they had done outside.

use std::collections::HashMap;

use domain::event::RecordedEvent;
use event_store::Log;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    deliveries::deliveries_of,
    history::{HistoryError, actor, people},
    users::names,
};
use crate::model::{Delivery, TraceEntry, TracedAggregate};

/// Deliveries of one event that are told.
const TOLD: i64 = 20;

/// An event, or the intent that it was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// The intent of the event at this position.
    Position(i64),
    /// The intent of this name.
    Correlation(Uuid),
}

/// The intent that is meant; none if there is no such event.
pub async fn intent(log: &Log, of: Traced) -> Result<Option<Uuid>, HistoryError> {
    match of {
        Traced::Correlation(correlation) => Ok(Some(correlation)),
        Traced::Position(position) => {
            Ok(log.event_at(position).await?.map(|event| event.metadata.correlation_id))
        }
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
    let ids: Vec<Uuid> = events.iter().map(|event| event.id.0).collect();
    let mut sent: HashMap<Uuid, (i64, Vec<Delivery>)> = HashMap::new();
    for (count, delivery) in deliveries_of(pool, &ids, TOLD).await? {
        let (total, told) = sent.entry(delivery.event_id).or_default();
        *total = count;
        told.push(delivery);
    }
    let actors: Vec<Uuid> = events.iter().flat_map(|event| people(&event.metadata)).collect();
    let names = names(pool, &actors).await?;
    let told = |event: RecordedEvent| {
        let (delivery_count, deliveries) = sent.remove(&event.id.0).unwrap_or_default();
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
            deliveries,
            delivery_count,
        }
    };
    Ok(events.into_iter().map(told).collect())
}
