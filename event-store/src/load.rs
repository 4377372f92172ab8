//! Loading an aggregate: from its snapshot and what came after, else from all its events.

use cqrs_es::{
    EventEnvelope,
    persist::{EventUpcaster, PersistedEventRepository, PersistenceError, SerializedEvent},
};
use domain::{stored::Stored, time::Timestamp};
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Log, LogError};

/// An aggregate as the log has it.
#[derive(Clone, Debug)]
pub struct Loaded<A> {
    /// The state; the default one while there is no event.
    pub aggregate: A,
    /// Sequence of the last event applied; 0 = there is none.
    pub version: i64,
    /// When the last event happened; later events of this aggregate may not have happened before.
    pub occurred_at: Option<Timestamp>,
}

/// An aggregate could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The events could not be read.
    #[error("the events of {kind} {id} cannot be loaded")]
    Events {
        /// The aggregate's type.
        kind: &'static str,
        /// Its id.
        id: Uuid,
        /// Why.
        #[source]
        source: PersistenceError,
    },
    /// The event is of a type or shape that this program does not know.
    #[error("{kind} {id}: event {sequence} ({event_type}, version {event_version}) is not known here")]
    UnknownEvent {
        /// The aggregate's type.
        kind: &'static str,
        /// Its id.
        id: Uuid,
        /// The event's sequence.
        sequence: usize,
        /// Its type.
        event_type: String,
        /// Its version.
        event_version: String,
        /// Why it could not be understood.
        #[source]
        source: PersistenceError,
    },
}

/// Loads the aggregate; one without events comes back as its default with version 0.
pub async fn load<A: Stored>(log: &Log, id: Uuid) -> Result<Loaded<A>, LoadError> {
    match snapshot::<A>(log, id).await? {
        Some(mut loaded) => {
            // The snapshot's own last event comes along for its time.
            let tail = events_from(log, A::TYPE, id, loaded.version).await?;
            apply(&mut loaded, id, tail)?;
            Ok(loaded)
        }
        None => {
            let repository = PostgresEventRepository::new(log.pool().clone())
                .with_tables("event_store.events", "event_store.snapshots");
            let failed = |source| LoadError::Events { kind: A::TYPE, id, source };
            let events = repository.get_events::<A>(&id.to_string()).await.map_err(failed)?;
            let mut loaded = Loaded { aggregate: A::default(), version: 0, occurred_at: None };
            apply(&mut loaded, id, events)?;
            Ok(loaded)
        }
    }
}

async fn snapshot<A: Stored>(log: &Log, id: Uuid) -> Result<Option<Loaded<A>>, LoadError> {
    const SQL: &str = "SELECT last_sequence, payload FROM event_store.snapshots \
         WHERE aggregate_type = $1 AND aggregate_id = $2 AND shape = $3";
    let row: Option<(i64, Json<Value>)> = sqlx::query_as(SQL)
        .bind(A::TYPE)
        .bind(id.to_string())
        .bind(A::SHAPE)
        .fetch_optional(log.pool())
        .await
        .map_err(LogError::from)?;
    let Some((version, Json(state))) = row else { return Ok(None) };
    match serde_json::from_value(state) {
        Ok(aggregate) => Ok(Some(Loaded { aggregate, version, occurred_at: None })),
        Err(error) => {
            tracing::warn!(kind = A::TYPE, %id, %error, "a snapshot of today's shape cannot be read: events instead");
            Ok(None)
        }
    }
}

async fn events_from(
    log: &Log,
    kind: &str,
    id: Uuid,
    sequence: i64,
) -> Result<Vec<SerializedEvent>, LoadError> {
    const SQL: &str = "SELECT sequence, event_type, event_version, payload, metadata FROM event_store.events \
         WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence >= $3 ORDER BY sequence";
    type Row = (i64, String, String, Json<Value>, Json<Value>);
    let rows: Vec<Row> = sqlx::query_as(SQL)
        .bind(kind)
        .bind(id.to_string())
        .bind(sequence)
        .fetch_all(log.pool())
        .await
        .map_err(LogError::from)?;
    let event = |(sequence, event_type, event_version, Json(payload), Json(metadata)): Row| SerializedEvent {
        aggregate_id: id.to_string(),
        sequence: usize::try_from(sequence).unwrap_or_default(),
        aggregate_type: kind.to_owned(),
        event_type,
        event_version,
        payload,
        metadata,
    };
    Ok(rows.into_iter().map(event).collect())
}

fn apply<A: Stored>(loaded: &mut Loaded<A>, id: Uuid, events: Vec<SerializedEvent>) -> Result<(), LoadError> {
    if let Some(last) = events.last() {
        loaded.occurred_at = occurred_at(&last.metadata);
    }
    let upcasters = A::upcasters();
    for event in events {
        let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
        if sequence > loaded.version {
            let time = occurred_at(&event.metadata);
            loaded.aggregate.apply(understand::<A>(id, event, &upcasters)?);
            loaded.version = sequence;
            if let Some(time) = time {
                loaded.aggregate.occurred(time);
            }
        }
    }
    Ok(())
}

fn occurred_at(metadata: &Value) -> Option<Timestamp> {
    metadata.get("occurred_at")?.as_str()?.parse().ok()
}

fn understand<A: Stored>(
    id: Uuid,
    event: SerializedEvent,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<A::Event, LoadError> {
    let (event_type, event_version) = (event.event_type.clone(), event.event_version.clone());
    let sequence = event.sequence;
    let event = upcasters.iter().fold(event, upcast);
    let envelope = EventEnvelope::<A>::try_from(event).map_err(|source| LoadError::UnknownEvent {
        kind: A::TYPE,
        id,
        sequence,
        event_type,
        event_version,
        source,
    })?;
    Ok(envelope.payload)
}

#[expect(clippy::borrowed_box, reason = "cqrs-es keeps upcasters boxed")]
fn upcast(event: SerializedEvent, upcaster: &Box<dyn EventUpcaster>) -> SerializedEvent {
    if upcaster.can_upcast(&event.event_type, &event.event_version) { upcaster.upcast(event) } else { event }
}
