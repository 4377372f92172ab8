//! Webhooks and what was tried.

use std::collections::BTreeMap;

use domain::webhook::WebhookDefinition;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::task_row::{damaged, optional_time, time};
use crate::model::{Webhook, WebhookAttempt};

/// In place of the value of a header.
const HIDDEN: &str = "***";

/// Where a page of webhooks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCursor(Uuid);

impl WebhookCursor {
    /// Behind this one.
    pub fn of(webhook: &Webhook) -> Self {
        Self(webhook.id)
    }
}

impl FromRow<'_, PgRow> for Webhook {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let definition: Value = row.try_get("definition")?;
        let definition: WebhookDefinition =
            serde_json::from_value(definition).map_err(|error| damaged("definition", error))?;
        let names = definition.headers.keys();
        Ok(Self {
            id: row.try_get("id")?,
            version: row.try_get("version")?,
            owner: row.try_get("owner")?,
            state: row.try_get("state")?,
            disabled_reason: row.try_get("disabled_reason")?,
            url: definition.url.to_string(),
            description: definition.description.as_ref().map(ToString::to_string),
            event_types: definition.event_types.iter().map(ToString::to_string).collect(),
            filter: definition.filter.as_ref().map(ToString::to_string),
            mode: definition.mode.as_str().to_owned(),
            ordering: definition.ordering.as_str().to_owned(),
            throttle_per_second: definition.throttle_per_second.map(|throttle| throttle.get()),
            headers: names.map(|name| (name.to_string(), HIDDEN.to_owned())).collect(),
            signature: row.try_get("signature")?,
            start: row.try_get("start")?,
            position: row.try_get("position")?,
            unfinished: row.try_get("unfinished")?,
            failing_since: optional_time(row, "failing_since")?,
            last_success_time: optional_time(row, "last_success_time")?,
            create_time: time(row, "create_time")?,
            update_time: time(row, "update_time")?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.version, w.owner, w.state, w.disabled_reason, w.definition, w.start, w.signature, w.failing_since, ",
            "w.last_success_time, w.create_time, w.update_time, coalesce(r.position, c.position, 0) AS position, ",
            "(SELECT count(*) FROM delivery.deliveries AS d WHERE d.channel = 'webhook' ",
            "AND d.recipient = w.id::text AND d.state IN ('pending', 'failed')) AS unfinished ",
            "FROM delivery.webhooks AS w LEFT JOIN delivery.webhook_readings AS r ON r.recipient = w.id::text ",
            "LEFT JOIN delivery.checkpoints AS c ON c.consumer = 'webhooks' ",
            $rest
        )
    };
}

/// The webhooks behind a page's end, of everybody or of one owner, at most `limit`.
pub async fn webhooks(
    pool: &PgPool,
    owner: Option<Uuid>,
    after: Option<WebhookCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Webhook>> {
    const SQL: &str = select!(
        "WHERE ($1::uuid IS NULL OR w.owner = $1) AND ($2::uuid IS NULL OR w.id > $2) ORDER BY w.id LIMIT $3"
    );
    sqlx::query_as(SQL).bind(owner).bind(after.map(|cursor| cursor.0)).bind(limit).fetch_all(pool).await
}

/// One webhook.
pub async fn webhook(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Webhook>> {
    sqlx::query_as(select!("WHERE w.id = $1")).bind(id).fetch_optional(pool).await
}

/// Up to where events about webhooks are taken in.
pub async fn webhooks_position(pool: &PgPool) -> sqlx::Result<i64> {
    const SQL: &str =
        "SELECT coalesce(max(position), 0) FROM delivery.checkpoints WHERE consumer = 'webhooks'";
    sqlx::query_scalar(SQL).fetch_one(pool).await
}

/// Where a page of attempts ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptCursor {
    position: i64,
    delivery: Uuid,
    number: i32,
}

/// Which attempts; what is none matches all.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttemptFilter {
    /// With this outcome.
    pub outcome: Option<&'static str>,
    /// To send this event.
    pub event_id: Option<Uuid>,
}

/// An attempt and where it stands in the list.
struct AttemptRow(AttemptCursor, WebhookAttempt);

impl FromRow<'_, PgRow> for AttemptRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let (delivery, number): (Uuid, i32) = (row.try_get("delivery_id")?, row.try_get("number")?);
        let position = row.try_get("position")?;
        let recipient: &str = row.try_get("recipient")?;
        let (webhook, replay) =
            recipient.split_once('/').map_or((recipient, None), |(id, replay)| (id, Some(replay)));
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|error| damaged("recipient", error));
        let sent: Option<String> = row.try_get("request_excerpt")?;
        let attempt = WebhookAttempt {
            id: format!("{delivery}-{number}"),
            event_id: row.try_get("event_id")?,
            position,
            webhook: uuid(webhook)?,
            replay: replay.map(uuid).transpose()?,
            number,
            trigger: row.try_get("trigger")?,
            outcome: row.try_get("outcome")?,
            code: row.try_get("code")?,
            latency_ms: row.try_get("latency_ms")?,
            headers: headers(sent.as_deref().unwrap_or_default()),
            response_excerpt: row.try_get("response_excerpt")?,
            start_time: time(row, "started_at")?,
            next_time: optional_time(row, "next_at")?,
        };
        Ok(Self(AttemptCursor { position, delivery, number }, attempt))
    }
}

/// Headers as they were noted: a line each.
fn headers(sent: &str) -> BTreeMap<String, String> {
    let lines = sent.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

const ATTEMPTS: &str = "
SELECT d.event_id, d.position, d.recipient, a.delivery_id, a.number, a.trigger, a.outcome, a.code, a.latency_ms,
    a.request_excerpt, a.response_excerpt, a.started_at, a.next_at
FROM delivery.deliveries AS d JOIN delivery.attempts AS a ON a.delivery_id = d.id
WHERE d.channel = 'webhook' AND split_part(d.recipient, '/', 1) = $1
    AND ($2::bigint IS NULL OR d.position <= $2 AND (d.position, d.id, a.number) < ($2, $3, $4))
    AND ($5::text IS NULL OR a.outcome = $5) AND ($6::uuid IS NULL OR d.event_id = $6)
ORDER BY d.position DESC, d.id DESC, a.number DESC LIMIT $7";

/// What was tried at a webhook, the newest event first, each with the cursor behind it, at most `limit`.
pub async fn webhook_attempts(
    pool: &PgPool,
    webhook: Uuid,
    filter: AttemptFilter,
    after: Option<AttemptCursor>,
    limit: i64,
) -> sqlx::Result<Vec<(AttemptCursor, WebhookAttempt)>> {
    let rows: Vec<AttemptRow> = sqlx::query_as(ATTEMPTS)
        .bind(webhook.to_string())
        .bind(after.map(|cursor| cursor.position))
        .bind(after.map(|cursor| cursor.delivery))
        .bind(after.map(|cursor| cursor.number))
        .bind(filter.outcome)
        .bind(filter.event_id)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().map(|AttemptRow(cursor, attempt)| (cursor, attempt)).collect())
}
