//! Events about webhooks, taken into the rows.

use domain::{
    event::from_stored,
    webhook::{
        ReplayRequested, TestRequested, WebhookCreated, WebhookEvent,
        values::{DisabledReason, Start, WebhookState},
    },
};
use event_store::{Log, envelope::Envelope};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{ReactError, readings};
use crate::{
    deliveries::{self, NewDelivery},
    webhooks::{Message, NAME, Route, Trouble, find},
};

pub(super) fn is_of_webhook(event: &Envelope) -> bool {
    event.aggregate_type == "webhook"
}

/// Takes one event in; returns what is to be sent because of it. Types of newer programs change nothing.
pub(super) async fn take(
    tables: &mut PgConnection,
    log: &Log,
    at: &Envelope,
) -> Result<Vec<NewDelivery>, ReactError> {
    let event = match from_stored(&at.event_type, &at.event_version, at.data.get()) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(position = at.position, %error, "an event about a webhook cannot be read");
            return Ok(Vec::new());
        }
    };
    let id = at.aggregate_id;
    // Whose owner was erased is gone, if another reactor has passed that first.
    if !matches!(event, WebhookEvent::Created(_)) && !seen(tables, at).await? {
        return Ok(Vec::new());
    }
    let mut decided = Vec::new();
    match event {
        WebhookEvent::Created(created) => create(tables, log, at, &created).await?,
        WebhookEvent::Changed(change) => {
            const SQL: &str = "UPDATE webhooks SET definition = $2 WHERE id = $1";
            sqlx::query(SQL).bind(id).bind(Json(change.to)).execute(&mut *tables).await?;
        }
        WebhookEvent::SecretRotated(rotated) => {
            const SQL: &str =
                "UPDATE webhooks SET previous_secret = $2, secret = $3, both_until = $4 WHERE id = $1";
            let query = sqlx::query(SQL).bind(id).bind(rotated.from.0).bind(rotated.to.0);
            query.bind(rotated.both_until.as_datetime()).execute(&mut *tables).await?;
        }
        WebhookEvent::Paused(_) => stop(tables, at, WebhookState::Paused, None).await?,
        WebhookEvent::Disabled(disabled) => {
            stop(tables, at, WebhookState::Disabled, Some(disabled.reason.as_str())).await?;
            decided = tell_of_it(tables, at, disabled.reason).await?;
        }
        WebhookEvent::Resumed(_) => go_on(tables, id).await?,
        WebhookEvent::TestRequested(test) => decided.push(testing(at, test)?),
        WebhookEvent::ReplayRequested(replay) => begin_replay(tables, log, at, &replay).await?,
        WebhookEvent::Deleted(_) => delete(tables, id).await?,
    }
    Ok(decided)
}

/// Notes the event in its webhook's row; false if there is none.
async fn seen(tables: &mut PgConnection, at: &Envelope) -> sqlx::Result<bool> {
    const SQL: &str = "UPDATE webhooks SET version = $2, update_time = $3 WHERE id = $1";
    let query = sqlx::query(SQL).bind(at.aggregate_id).bind(at.version).bind(at.occurred_at.as_datetime());
    Ok(query.execute(tables).await?.rows_affected() > 0)
}

async fn create(
    tables: &mut PgConnection,
    log: &Log,
    at: &Envelope,
    created: &WebhookCreated,
) -> Result<(), ReactError> {
    const SQL: &str = "
        INSERT INTO webhooks (id, owner, version, state, definition, start, signature, secret,
            create_time, update_time)
        VALUES ($1, $2, $3, 'enabled', $4, $5, $6, $7, $8, $8)";
    sqlx::query(SQL)
        .bind(at.aggregate_id)
        .bind(created.owner.0)
        .bind(at.version)
        .bind(Json(&created.definition))
        .bind(created.start.to_string())
        .bind(created.signature.as_str())
        .bind(created.secret.0)
        .bind(at.occurred_at.as_datetime())
        .execute(&mut *tables)
        .await?;
    let position = match created.start {
        Start::Now => return Ok(()),
        Start::Beginning => 0,
        Start::At(moment) => log.position_before(moment).await?.min(at.position),
    };
    readings::begin(tables, at.aggregate_id.into(), position, None).await?;
    Ok(())
}

/// Nothing is tried from here on; what is decided waits, and so does the log.
async fn stop(
    tables: &mut PgConnection,
    at: &Envelope,
    state: WebhookState,
    reason: Option<&str>,
) -> Result<(), ReactError> {
    const SQL: &str = "UPDATE webhooks SET state = $2, disabled_reason = $3 WHERE id = $1";
    let id = at.aggregate_id;
    sqlx::query(SQL).bind(id).bind(state.as_str()).bind(reason).execute(&mut *tables).await?;
    readings::begin(tables, id.into(), at.position, None).await?;
    const HOLD: &str = "
        UPDATE deliveries SET due_at = 'infinity'
        WHERE channel = $1 AND split_part(recipient, '/', 1) = $2 AND state IN ('pending', 'failed')";
    sqlx::query(HOLD).bind(NAME).bind(id.to_string()).execute(tables).await?;
    Ok(())
}

/// Writes to whoever can mend it.
async fn tell_of_it(
    tables: &mut PgConnection,
    at: &Envelope,
    reason: DisabledReason,
) -> Result<Vec<NewDelivery>, ReactError> {
    let Some(endpoint) = find(&mut *tables, at.aggregate_id).await? else { return Ok(Vec::new()) };
    let trouble = Trouble {
        cause: at.id,
        position: at.position,
        webhook: endpoint.id,
        owner: endpoint.owner,
        url: &endpoint.definition.url,
        since: at.occurred_at,
        noticed: at.recorded_at,
        disabled: Some(reason),
    };
    trouble.letters(tables).await
}

/// What waited is tried at once, with its schedule begun anew.
async fn go_on(tables: &mut PgConnection, id: Uuid) -> Result<(), ReactError> {
    const SQL: &str = "
        UPDATE webhooks SET state = 'enabled', disabled_reason = NULL, failing_since = NULL, warned = false
        WHERE id = $1";
    sqlx::query(SQL).bind(id).execute(&mut *tables).await?;
    const RELEASE: &str = "
        UPDATE deliveries SET due_at = clock_timestamp(), step = 0
        WHERE channel = $1 AND split_part(recipient, '/', 1) = $2 AND state IN ('pending', 'failed')";
    sqlx::query(RELEASE).bind(NAME).bind(id.to_string()).execute(&mut *tables).await?;
    Ok(deliveries::tell(tables).await?)
}

fn testing(at: &Envelope, test: TestRequested) -> Result<NewDelivery, ReactError> {
    let message = Message::Test { test: test.test, time: at.occurred_at };
    Ok(NewDelivery {
        event_id: at.id,
        position: at.position,
        channel: NAME,
        recipient: Route::from(at.aggregate_id).to_string(),
        // Whatever blocks the endpoint is what one wants to find out.
        order_key: None,
        due: None,
        payload: serde_json::to_value(message)?,
    })
}

async fn begin_replay(
    tables: &mut PgConnection,
    log: &Log,
    at: &Envelope,
    replay: &ReplayRequested,
) -> Result<(), ReactError> {
    let route = Route { endpoint: at.aggregate_id, replay: Some(replay.replay) };
    let after = log.position_before(replay.from).await?;
    let until = match replay.to {
        Some(moment) => log.position_before(moment).await?.min(at.position),
        None => at.position,
    };
    if after < until {
        readings::begin(tables, route, after, Some(until)).await?;
    }
    Ok(())
}

async fn delete(tables: &mut PgConnection, id: Uuid) -> Result<(), ReactError> {
    const SQL: &str = "
        UPDATE deliveries SET state = 'skipped', reason = 'the webhook was deleted', end_time = clock_timestamp()
        WHERE channel = $1 AND split_part(recipient, '/', 1) = $2 AND state IN ('pending', 'failed')
            AND (lease_until IS NULL OR lease_until < clock_timestamp())";
    sqlx::query(SQL).bind(NAME).bind(id.to_string()).execute(&mut *tables).await?;
    sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id).execute(tables).await?;
    Ok(())
}
