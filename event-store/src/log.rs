//! Reading the log.

use std::collections::HashMap;

use chrono::TimeDelta;
use domain::{
    event::{Metadata, RecordedEvent},
    ids::EventId,
    personal::Sealed,
    time::Timestamp,
    webhook::values::Moment,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{Class, LogError, StoredReceipt, receipt};

/// The columns of an event; shared by every query that returns events.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, ",
            "event_version, payload, metadata FROM event_store.events ",
            $rest
        )
    };
}

/// What the log knows of an event and publishes to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Origin {
    /// The session that the act belongs to; of a program the API key.
    pub session_id: Option<Uuid>,
    /// The caller's address.
    pub ip: Option<Sealed>,
    /// The caller's `User-Agent`.
    pub user_agent: Option<Sealed>,
}

/// The reading half of the log. Cheap to clone. Positions start at 1 and have no gaps, and an event at position `p` is
/// visible only when all before it are, so reading "after my checkpoint" is complete.
#[derive(Clone, Debug)]
pub struct Log {
    pool: PgPool,
}

impl Log {
    /// Reads through this pool; its connections should be made with [`crate::connect_options`].
    pub fn connect(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool that this log reads through.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Position of the last event; 0 while there is none.
    pub async fn head(&self) -> Result<i64, LogError> {
        const SQL: &str = "SELECT coalesce(max(position), 0) FROM event_store.events";
        Ok(sqlx::query_scalar(SQL).fetch_one(&self.pool).await?)
    }

    /// The log's epoch: another one means that the log was restored or promoted, and positions may name other events.
    pub async fn epoch(&self) -> Result<Uuid, LogError> {
        const SQL: &str = "SELECT epoch FROM event_store.log_head WHERE single";
        Ok(sqlx::query_scalar(SQL).fetch_one(&self.pool).await?)
    }

    /// The events after `position`, in order: at most `limit`, and payloads and metadata of about `max_bytes` together
    /// (but always one, however large).
    pub async fn read_after(
        &self,
        position: i64,
        limit: i64,
        max_bytes: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = "SELECT position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, \
             event_version, payload, metadata FROM (SELECT *, sum(bytes) OVER (ORDER BY position) - bytes AS earlier \
             FROM (SELECT *, octet_length(payload::text) + octet_length(metadata::text) AS bytes \
             FROM event_store.events WHERE position > $1 ORDER BY position LIMIT $2) AS page) AS summed \
             WHERE earlier < $3 ORDER BY position";
        let rows = sqlx::query(SQL).bind(position).bind(limit).bind(max_bytes).fetch_all(&self.pool).await?;
        events(&rows)
    }

    /// An aggregate's events after `sequence`, in order, at most `limit`.
    pub async fn read_aggregate(
        &self,
        kind: &str,
        id: Uuid,
        after_sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4"
        );
        self.aggregate_page(SQL, kind, id, after_sequence, limit).await
    }

    /// An aggregate's events before `sequence`, newest first, at most `limit`.
    pub async fn read_aggregate_back(
        &self,
        kind: &str,
        id: Uuid,
        before_sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence < $3 ORDER BY sequence DESC LIMIT $4"
        );
        self.aggregate_page(SQL, kind, id, before_sequence, limit).await
    }

    /// The events up to position `up_to` of all aggregates of a kind, one aggregate after the other, each in order, at
    /// most `limit`; goes on after the event of this aggregate with this sequence.
    pub async fn read_histories(
        &self,
        kind: &str,
        after: Option<(Uuid, i64)>,
        up_to: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE aggregate_type = $1 AND (aggregate_id, sequence) > ($2, $3) AND position <= $4 \
             ORDER BY aggregate_id, sequence LIMIT $5"
        );
        let (aggregate, sequence) = after.map_or_else(Default::default, |(id, last)| (id.to_string(), last));
        let query = sqlx::query(SQL).bind(kind).bind(aggregate).bind(sequence).bind(up_to).bind(limit);
        events(&query.fetch_all(&self.pool).await?)
    }

    /// The events of these types (of all, if none are named) of these aggregates up to position `up_to`, each aggregate's in
    /// order.
    pub async fn read_aggregates(
        &self,
        kind: &str,
        ids: &[Uuid],
        types: &[&str],
        up_to: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE aggregate_type = $1 AND aggregate_id = ANY($2) AND ($3 = '{}' OR event_type = ANY($3)) AND position <= $4 \
             ORDER BY aggregate_id, sequence"
        );
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let query = sqlx::query(SQL).bind(kind).bind(ids).bind(types.to_vec()).bind(up_to);
        events(&query.fetch_all(&self.pool).await?)
    }

    /// The events of an aggregate with these sequences, in order; those that do not exist are left out.
    pub async fn read_aggregate_at(
        &self,
        kind: &str,
        id: Uuid,
        sequences: &[i64],
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence = ANY($3) ORDER BY sequence"
        );
        let query = sqlx::query(SQL).bind(kind).bind(id.to_string()).bind(sequences);
        events(&query.fetch_all(&self.pool).await?)
    }

    /// The events of these types (`task.assigned`) after `position`, in order, at most `limit`.
    ///
    /// The type is compared in this roundabout way because `event_type = t.type ORDER BY position` may be answered from
    /// the primary key: for a rare type that reads the whole log.
    pub async fn read_types(
        &self,
        position: i64,
        types: &[&str],
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = "SELECT e.position, e.sequence, e.recorded_at, e.event_id, e.aggregate_type, e.aggregate_id, \
             e.event_type, e.event_version, e.payload, e.metadata FROM unnest($2::text[]) AS t(type) \
             CROSS JOIN LATERAL (SELECT * FROM event_store.events \
             WHERE (event_type, position) > (t.type, $1) AND event_type <= t.type \
             ORDER BY event_type, position LIMIT $3) AS e ORDER BY e.position LIMIT $3";
        let mut types = types.to_vec();
        types.sort_unstable();
        types.dedup();
        let rows = sqlx::query(SQL).bind(position).bind(types).bind(limit).fetch_all(&self.pool).await?;
        events(&rows)
    }

    /// The events of one intent after `position`, in order, at most `limit`.
    pub async fn read_correlation(
        &self,
        correlation: Uuid,
        position: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!(
            "WHERE event_store.correlation_id(metadata) = $1 AND position > $2 ORDER BY position LIMIT $3"
        );
        let query = sqlx::query(SQL).bind(correlation.to_string()).bind(position).bind(limit);
        events(&query.fetch_all(&self.pool).await?)
    }

    /// Which of these aggregates, of whatever kind, has events, and at which positions.
    pub async fn positions_of_aggregates(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, i64)>, LogError> {
        const SQL: &str = "WITH RECURSIVE kinds(kind) AS ((SELECT min(aggregate_type) FROM event_store.events) UNION ALL \
             SELECT (SELECT min(aggregate_type) FROM event_store.events WHERE aggregate_type > kind) FROM kinds \
             WHERE kind IS NOT NULL) \
             SELECT e.aggregate_id::uuid, e.position FROM kinds JOIN event_store.events AS e \
             ON e.aggregate_type = kind AND e.aggregate_id = ANY($1)";
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        Ok(sqlx::query_as(SQL).bind(ids).fetch_all(&self.pool).await?)
    }

    /// Which of these intents has events, and at which positions.
    pub async fn positions_of_intents(&self, correlations: &[Uuid]) -> Result<Vec<(Uuid, i64)>, LogError> {
        const SQL: &str = "SELECT event_store.correlation_id(metadata)::uuid, position FROM event_store.events \
             WHERE event_store.correlation_id(metadata) = ANY($1)";
        if correlations.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = correlations.iter().map(Uuid::to_string).collect();
        Ok(sqlx::query_as(SQL).bind(ids).fetch_all(&self.pool).await?)
    }

    /// Of an intent those events with these ids: position, id, and the event that each reacts to.
    pub async fn causes(
        &self,
        correlation: Uuid,
        ids: &[Uuid],
    ) -> Result<Vec<(i64, Uuid, Option<Uuid>)>, LogError> {
        const SQL: &str = "SELECT position, event_id, (metadata ->> 'causation_id')::uuid FROM event_store.events \
             WHERE event_store.correlation_id(metadata) = $1 AND event_id = ANY($2)";
        let query = sqlx::query_as(SQL).bind(correlation.to_string()).bind(ids);
        Ok(query.fetch_all(&self.pool).await?)
    }

    /// The event at this position.
    pub async fn event_at(&self, position: i64) -> Result<Option<RecordedEvent>, LogError> {
        const SQL: &str = select_events!("WHERE position = $1");
        sqlx::query(SQL).bind(position).fetch_optional(&self.pool).await?.as_ref().map(event).transpose()
    }

    /// The events at these positions, in order; those that do not exist are left out.
    pub async fn read_positions(&self, positions: &[i64]) -> Result<Vec<RecordedEvent>, LogError> {
        const SQL: &str = select_events!("WHERE position = ANY($1) ORDER BY position");
        events(&sqlx::query(SQL).bind(positions).fetch_all(&self.pool).await?)
    }

    /// Where the events at these positions came from.
    pub async fn origins(&self, positions: &[i64]) -> Result<HashMap<i64, Origin>, LogError> {
        const THESE: &str = "SELECT position, metadata FROM event_store.events WHERE position = ANY($1)";
        const ALL: &str =
            "SELECT position, metadata FROM event_store.events WHERE position BETWEEN $1 AND $2";
        let (Some(first), Some(last)) = (positions.iter().min(), positions.iter().max()) else {
            return Ok(HashMap::new());
        };
        // Reading on costs two thirds of looking each up.
        let query = match usize::try_from(last - first) {
            Ok(span) if span < positions.len() => sqlx::query_as(ALL).bind(first).bind(last),
            _ => sqlx::query_as(THESE).bind(positions),
        };
        let rows: Vec<(i64, Json<Origin>)> = query.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(position, Json(origin))| (position, origin)).collect())
    }

    /// Position of the last event recorded at or before this time; 0 if there is none.
    pub async fn position_at(&self, time: Timestamp) -> Result<i64, LogError> {
        const SQL: &str = "SELECT event_store.position_at($1)";
        Ok(sqlx::query_scalar(SQL).bind(time.as_datetime()).fetch_one(&self.pool).await?)
    }

    /// Position before the first event of this moment or after it.
    pub async fn position_before(&self, moment: Moment) -> Result<i64, LogError> {
        match moment {
            Moment::Position(position) => Ok(position - 1),
            Moment::Time(time) => self.position_at(time.plus(TimeDelta::microseconds(-1))).await,
        }
    }

    /// The answer kept for this key, while it is in force. Needs [`crate::Role::Command`].
    pub async fn find_receipt(
        &self,
        principal: &str,
        key: &str,
        class: Class,
    ) -> Result<Option<StoredReceipt>, LogError> {
        receipt::find(&self.pool, principal, key, class).await
    }

    /// Who holds this value. Needs [`crate::Role::Command`].
    pub async fn find_claim(&self, scope: &str, value: &str) -> Result<Option<Uuid>, LogError> {
        const SQL: &str = "SELECT owner FROM event_store.unique_claims WHERE scope = $1 AND value = $2";
        Ok(sqlx::query_scalar(SQL).bind(scope).bind(value).fetch_optional(&self.pool).await?)
    }

    async fn aggregate_page(
        &self,
        sql: &str,
        kind: &str,
        id: Uuid,
        sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, LogError> {
        let query = sqlx::query(sql).bind(kind).bind(id.to_string()).bind(sequence).bind(limit);
        events(&query.fetch_all(&self.pool).await?)
    }
}

fn events(rows: &[PgRow]) -> Result<Vec<RecordedEvent>, LogError> {
    rows.iter().map(event).collect()
}

fn event(row: &PgRow) -> Result<RecordedEvent, LogError> {
    let position = row.try_get("position")?;
    decode(row, position).map_err(|source| LogError::Damaged { position, source })
}

/// The event in a row with all its columns.
pub(crate) fn decode(
    row: &PgRow,
    position: i64,
) -> Result<RecordedEvent, Box<dyn std::error::Error + Send + Sync>> {
    let Json(data): Json<Box<RawValue>> = row.try_get("payload")?;
    let Json(metadata): Json<Metadata> = row.try_get("metadata")?;
    let recorded_at: chrono::DateTime<chrono::Utc> = row.try_get("recorded_at")?;
    Ok(RecordedEvent {
        position,
        id: EventId(row.try_get("event_id")?),
        aggregate_type: row.try_get("aggregate_type")?,
        aggregate_id: row.try_get::<&str, _>("aggregate_id")?.parse()?,
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        data,
        metadata,
        recorded_at: recorded_at.into(),
    })
}
