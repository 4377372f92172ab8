//! Whether anything gets through to an endpoint, and what follows if nothing does.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ids::EventId, webhook::values::DisabledReason};
use event_store::envelope::Envelope;
use serde_json::json;
use sqlx::PgPool;
use tokio::time;
use uuid::Uuid;

use crate::{
    commands::{CommandError, Commands},
    deliveries::{self, Job},
    reactors::ReactError,
    webhooks::{Endpoint, Trouble},
};

/// So long nothing has got through that nothing will.
const HOPELESS: TimeDelta = TimeDelta::days(5);
/// Longest wait for a command; the next attempt asks again.
const DEADLINE: Duration = Duration::from_secs(10);

/// What one attempt says about its endpoint.
pub(super) struct Case<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) event: &'a Envelope,
    pub(super) job: &'a Job,
    pub(super) delivered: bool,
    /// The endpoint says so itself.
    pub(super) gone: bool,
}

const WELL: &str = "
UPDATE webhooks SET failing_since = NULL, warned = false, last_success_time = clock_timestamp()
WHERE id = $1 AND (failing_since IS NOT NULL OR last_success_time IS NULL
    OR last_success_time < clock_timestamp() - interval '1 minute')";

const ILL: &str = "
UPDATE webhooks SET failing_since = clock_timestamp() WHERE id = $1 AND failing_since IS NULL";

const WARN: &str = "
UPDATE webhooks SET warned = true
WHERE id = $1 AND NOT warned AND failing_since <= clock_timestamp() - interval '1 hour' RETURNING failing_since";

/// Writes it down, and has the endpoint disabled if it is to be.
pub(super) async fn note(pool: &PgPool, commands: &Commands, case: Case<'_>) {
    if let Err(error) = write(pool, &case).await {
        tracing::warn!(webhook = %case.endpoint.id, %error, "its health is not written down");
    }
    let Some(reason) = verdict(&case) else { return };
    if let Err(error) = disable(commands, &case, reason).await {
        tracing::warn!(webhook = %case.endpoint.id, %error, "it is not disabled yet");
    }
}

async fn write(pool: &PgPool, case: &Case<'_>) -> Result<(), ReactError> {
    let id = case.endpoint.id;
    if case.delivered {
        sqlx::query(WELL).bind(id).execute(pool).await?;
        return Ok(());
    }
    sqlx::query(ILL).bind(id).execute(pool).await?;
    warn(pool, case).await
}

/// Writes once to whoever can mend it: the letters go with the note that they were written.
async fn warn(pool: &PgPool, case: &Case<'_>) -> Result<(), ReactError> {
    let mut transaction = pool.begin().await?;
    let query = sqlx::query_scalar(WARN).bind(case.endpoint.id);
    let since: Option<DateTime<Utc>> = query.fetch_optional(&mut *transaction).await?;
    let Some(since) = since else { return Ok(()) };
    tracing::warn!(webhook = %case.endpoint.id, "nothing has got through for an hour");
    let trouble = Trouble {
        // The event may have letters of its own for the same person.
        cause: EventId(Uuid::now_v7()),
        position: case.job.position,
        webhook: case.endpoint.id,
        owner: case.endpoint.owner,
        url: &case.endpoint.definition.url,
        since: since.into(),
        noticed: Utc::now().into(),
        disabled: None,
    };
    let letters = trouble.letters(&mut transaction).await?;
    deliveries::insert(&mut transaction, &letters).await?;
    transaction.commit().await?;
    Ok(())
}

fn verdict(case: &Case<'_>) -> Option<DisabledReason> {
    let hopeless = case.endpoint.failing_since.is_some_and(|since| since <= Utc::now() - HOPELESS);
    match (case.gone, case.delivered) {
        (true, _) => Some(DisabledReason::Gone),
        (false, false) if hopeless => Some(DisabledReason::Failing),
        (false, _) => None,
    }
}

/// Asks for it because of this attempt; it may have been resumed since the last one.
async fn disable(commands: &Commands, case: &Case<'_>, reason: DisabledReason) -> Result<(), CommandError> {
    let path = format!("/v1/webhooks/{}/disable", case.endpoint.id);
    let key = format!("{}/{}/disable", case.job.id, case.job.attempt);
    let (commands, body) =
        (commands.caused(case.event.id, case.event.correlation_id), json!({ "reason": reason }));
    let asked = time::timeout(DEADLINE, commands.post(&path, &key, &body)).await;
    asked.unwrap_or_else(|_| Err(CommandError::Unanswered("no answer in time".into()))).map(drop)
}
