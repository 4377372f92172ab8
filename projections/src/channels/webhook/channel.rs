//! The channel: from a delivery to a call, and to what becomes of the endpoint.

use std::{fmt, sync::Arc, time::Duration};

use chrono::Utc;
use domain::{
    ids::SecretId,
    personal::Sealed,
    webhook::values::{Signature, WebhookState},
};
use event_store::{Log, Sealer, envelope::Envelope};
use futures_util::future::BoxFuture;
use service::{
    outbound::{Client, Url},
    webhook_secrets::WebhookSecrets,
};
use sqlx::PgPool;
use tokio::time;
use uuid::Uuid;

use super::{
    OVERLAP, OwnHeaders, SCHEDULE, Secrets, Target, WebhookSecret, body,
    call::{Called, Hook},
    health,
};
use crate::{
    commands::Commands,
    deliveries::{Attempted, Channel, ChannelSettings, Job, Outcome},
    delivery::Delivery,
    webhooks::{Endpoint, Judge, Message, NAME, Route, find},
};

const SETTINGS: ChannelSettings = ChannelSettings {
    concurrency: 128,
    per_recipient: 4,
    per_second: None,
    schedule: SCHEDULE,
    // A turn is waited for, then the client has its own 15 s.
    deadline: Duration::from_secs(40),
    lease: Duration::from_secs(90),
};
/// Who takes longer holds up only itself, however many there are of its kind.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest wait for a turn with a place taken.
const TURN: Duration = Duration::from_secs(10);
/// Who is not called now is seldom looked at: being resumed makes everything due.
const ASLEEP: Duration = Duration::from_secs(5 * 60);
/// Until the databases answer.
const SOON: Duration = Duration::from_secs(5);

/// What the channel works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Reaches outside only.
    pub client: Client,
    /// Where events are.
    pub log: Log,
    /// Opens the headers of endpoints.
    pub sealer: Arc<Sealer>,
    /// What signs.
    pub secrets: WebhookSecrets,
    /// Where endpoints are disabled.
    pub commands: Commands,
}

/// Calls endpoints.
pub struct Webhooks {
    parts: Parts,
    judge: Judge,
    pool: PgPool,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

/// A call, ready to be made.
struct Call {
    endpoint: Endpoint,
    target: Target,
    id: Uuid,
    body: Vec<u8>,
    replay: Option<Uuid>,
    /// None: a test.
    event: Option<Envelope>,
}

impl Webhooks {
    /// Endpoints are where deliveries are.
    pub fn new(parts: Parts, delivery: &Delivery) -> Self {
        Self { judge: Judge::new(&parts.log), pool: delivery.pool().clone(), parts }
    }

    async fn attempt(&self, job: &Job) -> Attempted {
        match self.prepare(job).await {
            Ok(call) => self.call(job, &call).await,
            Err(not_called) => not_called,
        }
    }

    /// All that a call needs as things stand now, or why there is none.
    async fn prepare(&self, job: &Job) -> Result<Call, Attempted> {
        let unreadable = || Attempted::rejected("the delivery cannot be read");
        let route: Route = job.recipient.parse().map_err(|_| unreadable())?;
        let message = serde_json::from_value(job.payload.clone()).map_err(|_| unreadable())?;
        let found = find(&self.pool, route.endpoint).await.map_err(not_now)?;
        let endpoint = found.ok_or_else(|| Attempted::skipped("the webhook was deleted"))?;
        let (id, body, event) = match message {
            Message::Test { test, time } => (test, body::of_test(test, endpoint.id, time), None),
            Message::Event { .. } if endpoint.state != WebhookState::Enabled => {
                return Err(Attempted::held(ASLEEP));
            }
            Message::Event { position } => {
                let event = self.event(&endpoint, job, position).await?;
                (event.id.0, body::of_event(&event, endpoint.definition.mode), Some(event))
            }
        };
        let target = self.target(&endpoint).await?;
        self.wait_for_turn(&endpoint).await?;
        Ok(Call { endpoint, target, id, body, replay: route.replay, event })
    }

    /// The event, if the owner may still see it.
    async fn event(&self, endpoint: &Endpoint, job: &Job, position: i64) -> Result<Envelope, Attempted> {
        let recorded = self.parts.log.event_at(position).await.map_err(not_now)?;
        let recorded = recorded.filter(|recorded| recorded.id.0 == job.event_id);
        let recorded = recorded.ok_or_else(|| Attempted::skipped("the log holds another event there"))?;
        let event =
            Envelope::try_from(recorded).map_err(|_| Attempted::rejected("the event cannot be read"))?;
        match self.judge.still_sees(endpoint, &event).await.map_err(not_now)? {
            true => Ok(event),
            false => Err(Attempted::skipped("the owner may not see it any more")),
        }
    }

    async fn target(&self, endpoint: &Endpoint) -> Result<Target, Attempted> {
        let unusable = |_| Attempted::rejected("the webhook's address or headers cannot be used");
        let definition = &endpoint.definition;
        let url = Url::parse(definition.url.as_ref()).map_err(|_| unusable(()))?;
        let sealed: Vec<Sealed> = definition.headers.values().cloned().collect();
        let opened = self.parts.sealer.unseal_all(&sealed).await.map_err(not_now)?;
        let values: Option<Vec<_>> = opened.into_iter().map(event_store::Unsealed::clear).collect();
        let values = values.ok_or_else(|| Attempted::skipped("the owner is erased"))?;
        let names = definition.headers.keys().map(AsRef::as_ref);
        let headers = OwnHeaders::parse(names.zip(values.iter().map(String::as_str)));
        Ok(Target { url, headers: headers.map_err(|_| unusable(()))?, secrets: self.secrets(endpoint)? })
    }

    fn secrets(&self, endpoint: &Endpoint) -> Result<Secrets, Attempted> {
        let secret = |id: SecretId| {
            let secret = match endpoint.signature {
                Signature::V1 => self.parts.secrets.text(id.0),
                Signature::V1a => self.parts.secrets.key(id.0),
            };
            let secret: Result<WebhookSecret, _> = secret.parse();
            secret.map_err(|_| Attempted::rejected("the secret cannot be used"))
        };
        let current = secret(endpoint.secret)?;
        let Some((previous, until)) = endpoint.previous else { return Ok(Secrets::new(current)) };
        Ok(Secrets::new(secret(previous)?).rotated(current, until - OVERLAP))
    }

    /// Calls a second are bounded over all processes. Who would wait too long takes no turn.
    async fn wait_for_turn(&self, endpoint: &Endpoint) -> Result<(), Attempted> {
        let Some(throttle) = endpoint.definition.throttle_per_second else { return Ok(()) };
        const SQL: &str = "
            UPDATE webhooks
            SET next_call_at = greatest(next_call_at, clock_timestamp()) + make_interval(secs => 1.0 / $2)
            WHERE id = $1 AND next_call_at <= clock_timestamp() + make_interval(secs => $3)
            RETURNING greatest(extract(epoch FROM next_call_at - clock_timestamp()) - 1.0 / $2, 0)::float8";
        let query = sqlx::query_scalar(SQL).bind(endpoint.id).bind(f64::from(throttle.get()));
        let wait: Option<f64> =
            query.bind(TURN.as_secs_f64()).fetch_optional(&self.pool).await.map_err(not_now)?;
        let wait = wait.ok_or_else(|| Attempted::held(TURN))?;
        time::sleep(Duration::from_secs_f64(wait)).await;
        Ok(())
    }

    async fn call(&self, job: &Job, call: &Call) -> Attempted {
        let hook = Hook { id: call.id, body: &call.body, replay: call.replay };
        let Called { attempted, gone } = call.target.call(&self.parts.client, hook, Utc::now()).await;
        match &call.event {
            Some(event) => {
                let delivered = attempted.outcome == Outcome::Delivered;
                let case = health::Case { endpoint: &call.endpoint, event, job, delivered, gone };
                health::note(&self.pool, &self.parts.commands, case).await;
                attempted
            }
            None => once(attempted),
        }
    }
}

/// A test is not tried again: who asked for it wants to know.
fn once(attempted: Attempted) -> Attempted {
    match attempted.outcome {
        Outcome::Failed { .. } => {
            Attempted { outcome: Outcome::Rejected { reason: "the test was not taken".into() }, ..attempted }
        }
        Outcome::Delivered | Outcome::Held { .. } | Outcome::Rejected { .. } | Outcome::Skipped { .. } => {
            attempted
        }
    }
}

/// What we cannot look up is not the endpoint's failure.
fn not_now(error: impl fmt::Display) -> Attempted {
    tracing::warn!(%error, "a webhook is not called for now");
    Attempted::held(SOON)
}

impl Channel for Webhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> ChannelSettings {
        SETTINGS
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        Box::pin(self.attempt(job))
    }
}
