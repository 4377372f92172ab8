//! Endpoints as their rows have them.

use chrono::{DateTime, Utc};
use domain::{
    filter::{EventFacts, Subject, TaskFacts},
    ids::{SecretId, UserId},
    task::Task,
    webhook::{
        WebhookDefinition,
        values::{Ordering, Signature, WebhookState},
    },
};
use event_store::envelope::Envelope;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, PgExecutor, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Message, NAME, Route};
use crate::deliveries::NewDelivery;

/// Somebody's endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: Uuid,
    pub(crate) owner: UserId,
    pub(crate) state: WebhookState,
    pub(crate) definition: WebhookDefinition,
    /// How calls are signed.
    pub(crate) signature: Signature,
    /// What signs.
    pub(crate) secret: SecretId,
    /// What signs beside it, and until when.
    pub(crate) previous: Option<(SecretId, DateTime<Utc>)>,
    /// Since when nothing has got through.
    pub(crate) failing_since: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Endpoint {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let decoded = |source: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(source);
        let definition: Value = row.try_get("definition")?;
        let (state, signature): (&str, &str) = (row.try_get("state")?, row.try_get("signature")?);
        let previous: Option<Uuid> = row.try_get("previous_secret")?;
        let both_until: Option<DateTime<Utc>> = row.try_get("both_until")?;
        Ok(Self {
            id: row.try_get("id")?,
            owner: UserId(row.try_get("owner")?),
            state: state.parse().map_err(|_| decoded("an unknown state".into()))?,
            definition: serde_json::from_value(definition).map_err(|error| decoded(error.into()))?,
            signature: signature.parse().map_err(|_| decoded("an unknown signature".into()))?,
            secret: SecretId(row.try_get("secret")?),
            previous: previous.map(SecretId).zip(both_until),
            failing_since: row.try_get("failing_since")?,
        })
    }
}

/// The endpoint of this id; none if it is not there, or not any more.
pub(crate) async fn find(tables: impl PgExecutor<'_>, id: Uuid) -> sqlx::Result<Option<Endpoint>> {
    const SQL: &str = "
        SELECT id, owner, state, definition, signature, secret, previous_secret, both_until, failing_since
        FROM webhooks WHERE id = $1";
    sqlx::query_as(SQL).bind(id).fetch_optional(tables).await
}

/// Those that get what they want as it happens.
pub(crate) async fn at_head(tables: &mut PgConnection) -> sqlx::Result<Vec<Endpoint>> {
    const SQL: &str = "
        SELECT id, owner, state, definition, signature, secret, previous_secret, both_until, failing_since
        FROM webhooks AS w
        WHERE state = 'enabled'
            AND NOT EXISTS (SELECT FROM webhook_readings AS r WHERE r.recipient = w.id::text)
        ORDER BY id";
    sqlx::query_as(SQL).fetch_all(tables).await
}

impl Endpoint {
    /// Whether it asks for events of this type.
    pub(crate) fn names(&self, event_type: &str) -> bool {
        self.definition.event_types.iter().any(|pattern| pattern.matches(event_type))
    }

    /// Whether the event is what its filter asks for; `task` is as it stood after the event.
    pub(super) fn filters_in(&self, event: &Envelope, task: Option<&Task>) -> bool {
        let Some(filter) = &self.definition.filter else { return true };
        let facts = EventFacts { event_type: &event.event_type, actor: event.actor_id };
        filter.matches(&Subject { task: task.map(TaskFacts::from), event: Some(facts), me: None })
    }

    /// The event on its way there, or on its way again.
    pub(crate) fn delivery(&self, event: &Envelope, route: Route) -> Result<NewDelivery, serde_json::Error> {
        let recipient = route.to_string();
        let order_key = match self.definition.ordering {
            Ordering::None => None,
            Ordering::PerAggregate => Some(format!("{recipient}/{}", event.aggregate_id)),
            Ordering::Strict => Some(recipient.clone()),
        };
        let message = Message::Event { position: event.position };
        Ok(NewDelivery {
            event_id: event.id,
            position: event.position,
            channel: NAME,
            recipient,
            order_key,
            due: None,
            payload: serde_json::to_value(message)?,
        })
    }
}
