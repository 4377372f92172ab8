//! Aggregates as a reactor knows them: as they stood after the last event that it has decided on.

use std::collections::HashMap;

use domain::{
    event::{DecodeError, from_stored},
    stored::Stored,
};
use event_store::{Log, LogError, envelope::Envelope, past::replay};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

/// The states that one reactor keeps of one kind of aggregate, for the events of one batch.
///
/// States are read at once, changed in memory event by event, and written at once.
#[derive(Debug)]
pub struct States<A> {
    consumer: &'static str,
    known: HashMap<Uuid, Known<A>>,
}

#[derive(Debug)]
struct Known<A> {
    state: A,
    version: i64,
    changed: bool,
}

/// Why states cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// They cannot be read or written.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A state cannot be written down.
    #[error("a state cannot be written down: {0}")]
    Unwritable(#[from] serde_json::Error),
}

/// One look into the index for each: with `id = ANY` a plan made while there were few reads all of the kind, every time.
const READ: &str = "
SELECT s.* FROM unnest($3::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT s.id, s.version, CASE WHEN s.shape = $4 THEN s.state END FROM states AS s
    WHERE s.consumer = $1 AND s.kind = $2 AND s.id = wanted.id OFFSET 0
) AS s";

const ALL: &str = "
SELECT id, version, CASE WHEN shape = $3 THEN state END FROM states WHERE consumer = $1 AND kind = $2";

const WRITE: &str = "
INSERT INTO states (consumer, kind, id, version, shape, state)
SELECT $1, $2, id, version, $3, state FROM unnest($4::uuid[], $5::bigint[], $6::jsonb[]) AS t (id, version, state)
ON CONFLICT (consumer, kind, id)
    DO UPDATE SET version = excluded.version, shape = excluded.shape, state = excluded.state";

type Row = (Uuid, i64, Option<serde_json::Value>);

impl<A> States<A>
where
    A: Stored + Serialize + DeserializeOwned,
{
    /// The states of these aggregates; those that are not there yet are as before their first event.
    pub async fn read(
        tables: &mut PgConnection,
        log: &Log,
        consumer: &'static str,
        ids: &[Uuid],
    ) -> Result<Self, StateError> {
        if ids.is_empty() {
            return Ok(Self { consumer, known: HashMap::new() });
        }
        let query = sqlx::query_as(READ).bind(consumer).bind(A::TYPE).bind(ids).bind(A::SHAPE);
        Self::of(query.fetch_all(tables).await?, log, consumer).await
    }

    /// The states of all aggregates of this kind, where there are few.
    pub async fn read_all(
        tables: &mut PgConnection,
        log: &Log,
        consumer: &'static str,
    ) -> Result<Self, StateError> {
        let query = sqlx::query_as(ALL).bind(consumer).bind(A::TYPE).bind(A::SHAPE);
        Self::of(query.fetch_all(tables).await?, log, consumer).await
    }

    /// States of another shape, which an older program has written, are made anew from the log.
    async fn of(rows: Vec<Row>, log: &Log, consumer: &'static str) -> Result<Self, StateError> {
        let mut known = HashMap::with_capacity(rows.len());
        for (id, version, state) in rows {
            let state = match state.and_then(|state| serde_json::from_value(state).ok()) {
                Some(state) => state,
                None => {
                    let mut state = A::default();
                    replay(log, id, &mut state, 0, version).await?;
                    state
                }
            };
            known.insert(id, Known { state, version, changed: false });
        }
        Ok(Self { consumer, known })
    }

    /// Takes an event in, unless it was taken in before; returns it, decoded. Types of newer programs change nothing.
    pub fn take(&mut self, at: &Envelope) -> Result<A::Event, DecodeError>
    where
        A::Event: DeserializeOwned + Clone,
    {
        let event: A::Event = from_stored(&at.event_type, &at.event_version, at.data.get())?;
        let fresh = || Known { state: A::default(), version: 0, changed: false };
        let known = self.known.entry(at.aggregate_id).or_insert_with(fresh);
        if at.version > known.version {
            known.state.apply(event.clone());
            known.state.occurred(at.occurred_at);
            (known.version, known.changed) = (at.version, true);
        }
        Ok(event)
    }

    /// The aggregate as of the events taken in.
    pub fn get(&self, id: Uuid) -> Option<&A> {
        self.known.get(&id).map(|known| &known.state)
    }

    /// All that were read or made, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &A)> {
        self.known.iter().map(|(id, known)| (*id, &known.state))
    }

    /// Writes down what has changed.
    pub async fn write(self, tables: &mut PgConnection) -> Result<(), StateError> {
        let changed: Vec<_> = self.known.iter().filter(|(_, known)| known.changed).collect();
        if changed.is_empty() {
            return Ok(());
        }
        sqlx::query(WRITE)
            .bind(self.consumer)
            .bind(A::TYPE)
            .bind(A::SHAPE)
            .bind(changed.iter().map(|(id, _)| **id).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, known)| known.version).collect::<Vec<_>>())
            .bind(changed.iter().map(|(_, known)| Json(&known.state)).collect::<Vec<_>>())
            .execute(tables)
            .await?;
        Ok(())
    }
}
