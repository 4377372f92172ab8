//! What is on its way to the outside, the newest first.

use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::task_row::{optional_time, time};
use crate::model::{Attempt, Delivery};

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryCursor {
    position: i64,
    id: Uuid,
}

impl DeliveryCursor {
    /// Behind this one.
    pub fn of(delivery: &Delivery) -> Self {
        Self { position: delivery.position, id: delivery.id }
    }
}

/// Which deliveries; what is none matches all.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryFilter {
    /// On this channel.
    pub channel: Option<&'static str>,
    /// In this state.
    pub state: Option<&'static str>,
    /// Caused by this event.
    pub event_id: Option<Uuid>,
}

impl FromRow<'_, PgRow> for Delivery {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            event_id: row.try_get("event_id")?,
            position: row.try_get("position")?,
            channel: row.try_get("channel")?,
            recipient: row.try_get("recipient")?,
            order_key: row.try_get("order_key")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            attempts: row.try_get("attempts")?,
            due_time: optional_time(row, "due_time")?,
            create_time: time(row, "create_time")?,
            end_time: optional_time(row, "end_time")?,
        })
    }
}

impl FromRow<'_, PgRow> for Attempt {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            number: row.try_get("number")?,
            trigger: row.try_get("trigger")?,
            outcome: row.try_get("outcome")?,
            code: row.try_get("code")?,
            latency_ms: row.try_get("latency_ms")?,
            request_excerpt: row.try_get("request_excerpt")?,
            response_excerpt: row.try_get("response_excerpt")?,
            start_time: time(row, "started_at")?,
            next_time: optional_time(row, "next_at")?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, event_id, position, channel, recipient, order_key, state, reason, attempts, ",
            "CASE WHEN end_time IS NULL AND isfinite(due_at) THEN due_at END AS due_time, create_time, end_time ",
            "FROM delivery.deliveries ",
            $rest
        )
    };
}

const LIST: &str = select!(
    "WHERE ($1::bigint IS NULL OR (position, id) < ($1, $2)) AND ($3::text IS NULL OR channel = $3) \
     AND ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR event_id = $5) \
     ORDER BY position DESC, id DESC LIMIT $6"
);

/// The deliveries behind a page's end, at most `limit`.
pub async fn deliveries(
    pool: &PgPool,
    filter: DeliveryFilter,
    after: Option<DeliveryCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as(LIST)
        .bind(after.map(|cursor| cursor.position))
        .bind(after.map(|cursor| cursor.id))
        .bind(filter.channel)
        .bind(filter.state)
        .bind(filter.event_id)
        .bind(limit)
        .fetch_all(pool)
        .await
}

const ATTEMPTS: &str = "
SELECT number, trigger, outcome, code, latency_ms, request_excerpt, response_excerpt, started_at, next_at
FROM delivery.attempts WHERE delivery_id = $1 ORDER BY number";

/// A delivery and what was tried.
pub async fn delivery(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<(Delivery, Vec<Attempt>)>> {
    let found = sqlx::query_as(select!("WHERE id = $1")).bind(id).fetch_optional(pool).await?;
    let Some(delivery) = found else { return Ok(None) };
    let tried = sqlx::query_as(ATTEMPTS).bind(id).fetch_all(pool).await?;
    Ok(Some((delivery, tried)))
}
