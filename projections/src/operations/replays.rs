//! Replays of webhooks, as operations that their deliveries carry out: seen through when the last one has ended.

use std::time::Duration;

use domain::{
    event::{RecordedEvent, from_stored},
    webhook::WebhookEvent,
};
use serde_json::json;
use sqlx::PgConnection;
use tokio::time;
use uuid::Uuid;

use super::{Setback, news};
use crate::runner::Sources;

/// The event that asks for one.
pub(super) const REQUEST: &str = "webhook.replay_requested";
/// What it is called among operations.
pub(super) const KIND: &str = "replay_webhook";
/// How often it is looked at how far they are.
const LOOK: Duration = Duration::from_secs(1);

const BEGIN: &str = "
INSERT INTO read_model.operations (id, kind, subject, state, create_time, start_time, request)
VALUES ($1, $2, $3, 'running', $4, $4, $5) ON CONFLICT (id) DO NOTHING";

/// Takes one in; the reactor of webhooks begins it by the same event. Returns its id.
pub(super) async fn begin(registry: &mut PgConnection, event: &RecordedEvent) -> sqlx::Result<Option<Uuid>> {
    let read = from_stored(&event.event_type, &event.event_version, event.data.get());
    let Ok(WebhookEvent::ReplayRequested(asked)) = read else {
        tracing::error!(position = event.position, "a replay that was asked for cannot be read");
        return Ok(None);
    };
    sqlx::query(BEGIN)
        .bind(asked.replay)
        .bind(KIND)
        .bind(format!("webhooks/{}", event.aggregate_id))
        .bind(event.metadata.occurred_at.as_datetime())
        .bind(json!({ "position": event.position }))
        .execute(registry)
        .await?;
    Ok(Some(asked.replay))
}

/// Its deliveries are all there when the reactor has taken it in and nobody reads the log for it any more.
const LOOK_AT: &str = "
WITH replays AS (
    SELECT id, split_part(subject, '/', 2) || '/' || id AS recipient, (request ->> 'position')::bigint AS position
    FROM read_model.operations WHERE kind = $1 AND state = 'running'
), seen AS (
    SELECT id, r.position AS reached, r.until,
        r.recipient IS NULL AND p.position <= (
            SELECT position FROM delivery.checkpoints WHERE consumer = 'webhooks') AS is_read,
        d.total, d.unfinished, d.delivered
    FROM replays AS p LEFT JOIN delivery.webhook_readings AS r USING (recipient)
    CROSS JOIN LATERAL (
        SELECT count(*) AS total, count(*) FILTER (WHERE end_time IS NULL) AS unfinished,
            count(*) FILTER (WHERE state = 'delivered') AS delivered
        FROM delivery.deliveries WHERE channel = 'webhook' AND recipient = p.recipient
            AND split_part(recipient, '/', 1) = split_part(p.recipient, '/', 1)
    ) AS d
), next AS (
    SELECT id, total, total - unfinished AS done, is_read AND unfinished = 0 AS has_ended,
        CASE WHEN is_read THEN '{}' ELSE jsonb_strip_nulls(jsonb_build_object('position', reached, 'until', until)) END
            AS metadata,
        jsonb_build_object('deliveries', total, 'delivered', delivered) AS response
    FROM seen
)
UPDATE read_model.operations AS o SET done = next.done, total = next.total, metadata = next.metadata,
    state = CASE WHEN has_ended THEN 'done' ELSE 'running' END,
    end_time = CASE WHEN has_ended THEN clock_timestamp() END,
    response = CASE WHEN has_ended THEN next.response END
FROM next WHERE o.id = next.id
    AND (has_ended OR (o.done, o.total, o.metadata) IS DISTINCT FROM (next.done, next.total, next.metadata))
RETURNING o.id";

/// Notes again and again how far they are.
pub(super) async fn follow(sources: &Sources) -> Result<(), Setback> {
    let mut registry = sources.read_model.registry().await?;
    loop {
        let changed: Vec<Uuid> = sqlx::query_scalar(LOOK_AT).bind(KIND).fetch_all(&mut registry).await?;
        for id in changed {
            news::tell(sources, &mut registry, id).await;
        }
        time::sleep(LOOK).await;
    }
}
