//! What is on its way to the outside, the newest first.

use domain::{
    delivery::{DeliveryChannel, DeliveryState},
    filter::DeliveriesAsked,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Counting,
    task_row::{optional_time, time},
};
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
#[derive(Clone, Copy, Debug)]
pub struct DeliveryFilter {
    /// On this channel.
    pub channel: Option<&'static str>,
    /// In this state.
    pub state: Option<&'static str>,
    /// Caused by this event.
    pub event_id: Option<Uuid>,
    /// Caused by an event up to this position.
    pub up_to: i64,
}

impl From<DeliveriesAsked> for DeliveryFilter {
    fn from(asked: DeliveriesAsked) -> Self {
        let DeliveriesAsked { channel, state, event_id } = asked;
        let (channel, state) = (channel.map(DeliveryChannel::as_str), state.map(DeliveryState::as_str));
        Self { channel, state, event_id, up_to: i64::MAX }
    }
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
     AND ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR event_id = $5) AND position <= $6 \
     ORDER BY position DESC, id DESC LIMIT $7"
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
        .bind(filter.up_to)
        .bind(limit)
        .fetch_all(pool)
        .await
}

const MATCHING: &str = "SELECT id FROM delivery.deliveries WHERE ($1::text IS NULL OR channel = $1) \
     AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR event_id = $3)";

/// How many deliveries these are.
pub async fn delivery_count(pool: &PgPool, filter: DeliveryFilter, counting: Counting) -> sqlx::Result<i64> {
    let sql = counting.sql(MATCHING);
    let query = sqlx::query(&sql).bind(filter.channel).bind(filter.state).bind(filter.event_id);
    counting.read(&query.fetch_one(pool).await?)
}

const OF_EVENTS: &str = "
SELECT d.*, e.delivery_count FROM (
    SELECT event_id, count(*) AS delivery_count FROM delivery.deliveries WHERE event_id = ANY($1) GROUP BY event_id
) AS e CROSS JOIN LATERAL (
    SELECT id, event_id, position, channel, recipient, order_key, state, reason, attempts,
        CASE WHEN end_time IS NULL THEN due_at END AS due_time, create_time, end_time
    FROM delivery.deliveries WHERE event_id = e.event_id ORDER BY channel, recipient LIMIT $2
) AS d ORDER BY d.position, d.channel, d.recipient";

/// What went outside because of these events, at most `limit` for each, with how many there are for its event.
pub(super) async fn deliveries_of(
    pool: &PgPool,
    events: &[Uuid],
    limit: i64,
) -> sqlx::Result<Vec<(i64, Delivery)>> {
    let rows = sqlx::query(OF_EVENTS).bind(events).bind(limit).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.try_get("delivery_count")?, Delivery::from_row(row)?))).collect()
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
