//! Aggregates as a reactor knows them: as they stood after the last event that it has decided on.

use std::collections::HashMap;

use domain::{
    announcement::Announcement,
    event::{DecodeError, from_stored},
    inbox::Inbox,
    notification_rule::NotificationRule,
    stored::Stored,
    task::Task,
    time::Timestamp,
    user::User,
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

impl<A: Stored> Known<A> {
    fn take(&mut self, event: A::Event, version: i64, at: Timestamp) {
        self.state.apply(event);
        self.state.occurred(at);
        (self.version, self.changed) = (version, true);
    }
}

/// A kind of aggregate that reactors keep.
pub trait Kept: Stored + Serialize + DeserializeOwned {
    /// Type of the first event, where that alone is not worth a row: nothing may happen to most for long, and what one event
    /// says the log tells as fast.
    const FIRST: Option<&'static str> = None;
}

impl Kept for Task {
    const FIRST: Option<&'static str> = Some("task.created");
}

impl Kept for User {}
impl Kept for Inbox {}
impl Kept for Announcement {}
impl Kept for NotificationRule {}

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

const REACHED: &str = "SELECT position FROM checkpoints WHERE consumer = $1";

type Row = (Uuid, i64, Option<serde_json::Value>);

impl<A: Kept> States<A> {
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
        let mut states = Self::of(query.fetch_all(&mut *tables).await?, log, consumer).await?;
        if let Some(first) = A::FIRST {
            let missing: Vec<Uuid> =
                ids.iter().filter(|id| !states.known.contains_key(id)).copied().collect();
            states.begin(tables, log, first, &missing).await?;
        }
        Ok(states)
    }

    /// Adds those of which nothing but the first event was taken in.
    async fn begin(
        &mut self,
        tables: &mut PgConnection,
        log: &Log,
        first: &str,
        missing: &[Uuid],
    ) -> Result<(), StateError> {
        if missing.is_empty() {
            return Ok(());
        }
        let reached: Option<i64> =
            sqlx::query_scalar(REACHED).bind(self.consumer).fetch_optional(tables).await?;
        for at in log.read_aggregates(A::TYPE, missing, &[first], reached.unwrap_or_default()).await? {
            let mut known = Known { state: A::default(), version: 0, changed: false };
            match from_stored::<A::Event>(&at.event_type, &at.event_version, at.data.get()) {
                Ok(event) => known.take(event, at.sequence, at.metadata.occurred_at),
                Err(error) => tracing::error!(position = at.position, %error, "an event cannot be read"),
            }
            known.changed = false;
            self.known.insert(at.aggregate_id, known);
        }
        Ok(())
    }

    /// The states of all aggregates of this kind, where there are few; not for a kind with a [`Kept::FIRST`].
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
        A::Event: Clone,
    {
        let event: A::Event = from_stored(&at.event_type, &at.event_version, at.data.get())?;
        self.take_decoded(at, &event);
        Ok(event)
    }

    /// The same of one that is decoded already.
    pub fn take_decoded(&mut self, at: &Envelope, event: &A::Event)
    where
        A::Event: Clone,
    {
        let fresh = || Known { state: A::default(), version: 0, changed: false };
        let known = self.known.entry(at.aggregate_id).or_insert_with(fresh);
        if at.version > known.version {
            known.take(event.clone(), at.version, at.occurred_at);
        }
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
        let is_worth_a_row = |known: &Known<A>| known.changed && (A::FIRST.is_none() || known.version > 1);
        let changed: Vec<_> = self.known.iter().filter(|(_, known)| is_worth_a_row(known)).collect();
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
