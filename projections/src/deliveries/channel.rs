//! What a channel is, and what goes through it.

use std::time::Duration;

use domain::{ids::EventId, time::Timestamp};
use futures_util::future::BoxFuture;
use serde_json::Value;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{schedule::Schedule, wake};

/// A way to the outside.
pub trait Channel: Send + Sync {
    /// As in `delivery.deliveries`.
    fn name(&self) -> &'static str;

    /// How it is to be used.
    fn settings(&self) -> ChannelSettings;

    /// One try. What it waits for is cut off at the channel's deadline by dropping the future.
    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted>;

    /// Who keeps an attempt for longer gets one at a time, beside those of others; none: everybody has all the time there is.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// How long nothing is to be tried at all, the other side being in trouble.
    fn closed(&self) -> Option<Duration> {
        None
    }

    /// What becomes of a delivery at the end of its schedule.
    fn after_last(&self) -> AfterLast {
        AfterLast::Exhaust
    }

    /// Whether of one order key the newest alone is sent; it takes the place of those that are not on their way.
    fn coalesces(&self) -> bool {
        false
    }
}

/// What becomes of a delivery when its last attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterLast {
    /// It has ended; those behind it in its order go on.
    Exhaust,
    /// It stays failed and is due at no time, until somebody has it tried again; those behind it wait.
    Wait,
}

/// How a channel is to be used.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSettings {
    /// Attempts at a time in one process.
    pub concurrency: usize,
    /// Attempts at a time for one recipient, so that one who hangs holds up nobody else.
    pub per_recipient: u32,
    /// Attempts a second in one process; none: as many as there are.
    pub per_second: Option<u32>,
    /// When to try again.
    pub schedule: Schedule,
    /// Longest time for one attempt.
    pub deadline: Duration,
    /// How long a delivery belongs to who tries it; longer than the deadline by what writing down may take.
    pub lease: Duration,
}

/// An effect that a reactor has decided on.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The event that caused it, or the run of a job.
    pub event_id: EventId,
    /// Of that event; of the log's head for a job.
    pub position: i64,
    /// The channel's name.
    pub channel: &'static str,
    /// Who gets it; an event gives one delivery for each recipient on each channel.
    pub recipient: String,
    /// Deliveries of one key and channel go out one after the other, in order of position.
    pub order_key: Option<String>,
    /// Not before then; none = at once.
    pub due: Option<Timestamp>,
    /// What the channel needs to know: ids and facts, sealed what is personal, never tokens.
    pub payload: Value,
}

/// A delivery in the hands of a worker.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Job {
    /// The delivery.
    pub id: Uuid,
    /// The event that caused it.
    pub event_id: Uuid,
    /// Of that event.
    pub position: i64,
    /// Who gets it.
    pub recipient: String,
    /// What the reactor wrote.
    #[sqlx(json)]
    pub payload: Value,
    /// This attempt among all of the delivery, from 1.
    pub attempt: i32,
    /// This attempt among those of the schedule, from 1.
    pub step: i32,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// In one word.
    pub outcome: Outcome,
    /// What the other side calls it: a status, a word; or what kept an answer from coming.
    pub code: Option<String>,
    /// What was sent, as far as anybody may see it.
    pub request: Option<String>,
    /// What was answered, as far as anybody may see it.
    pub response: Option<String>,
}

/// What came of one try, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it.
    Delivered,
    /// Perhaps next time, not before so long if the other side said so.
    Failed {
        /// What the other side asked for.
        retry_after: Option<Duration>,
    },
    /// Nothing was tried: it is not the time. Does not count as an attempt.
    Held {
        /// When to look again.
        pause: Duration,
    },
    /// The other side will never take it.
    Rejected {
        /// Why.
        reason: String,
    },
    /// There was nothing to send any more.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// As in `delivery.attempts`, which holds nothing of what was held.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed { .. } => "failed",
            Self::Held { .. } => "held",
            Self::Rejected { .. } => "rejected",
            Self::Skipped { .. } => "skipped",
        }
    }
}

impl Attempted {
    /// Without an answer.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, code: None, request: None, response: None }
    }

    /// It failed for this reason and may be tried again.
    pub fn failed(reason: impl ToString) -> Self {
        let response = Some(reason.to_string());
        Self { response, ..Self::new(Outcome::Failed { retry_after: None }) }
    }

    /// Not the time to try it.
    pub fn held(pause: Duration) -> Self {
        Self::new(Outcome::Held { pause })
    }

    /// There is nothing to send, for this reason.
    pub fn skipped(reason: &str) -> Self {
        Self::new(Outcome::Skipped { reason: reason.to_owned() })
    }

    /// It can never be sent, for this reason.
    pub fn rejected(reason: &str) -> Self {
        Self::new(Outcome::Rejected { reason: reason.to_owned() })
    }
}

const INSERT: &str = "
INSERT INTO deliveries (id, event_id, position, channel, recipient, order_key, payload, due_at)
SELECT id, event_id, position, channel, recipient, order_key, payload, coalesce(due_at, clock_timestamp())
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::timestamptz[])
    AS t (id, event_id, position, channel, recipient, order_key, payload, due_at)
ON CONFLICT (event_id, channel, recipient) DO NOTHING";

/// Writes deliveries down, those that are there once only, and wakes the workers at the commit; returns how many are new.
pub async fn insert(tables: &mut PgConnection, new: &[NewDelivery]) -> sqlx::Result<u64> {
    if new.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query(INSERT)
        .bind(new.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.event_id.0).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.position).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.channel).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.recipient.as_str()).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.order_key.as_deref()).collect::<Vec<_>>())
        .bind(new.iter().map(|one| Json(&one.payload)).collect::<Vec<_>>())
        .bind(new.iter().map(|one| one.due.map(|due| due.as_datetime())).collect::<Vec<_>>())
        .execute(&mut *tables)
        .await?;
    wake::tell(tables).await?;
    Ok(written.rows_affected())
}
