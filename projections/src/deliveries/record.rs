//! Writing down what came of an attempt.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

use super::{Attempted, Job, Outcome};

/// Kept of what was sent and answered.
const EXCERPT: usize = 4_096;

/// What becomes of the delivery.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: &'static str,
    /// Pause before the next attempt; none: there is none.
    pub(super) next: Option<Duration>,
    pub(super) reason: Option<String>,
}

impl Verdict {
    /// `next` is the pause that the schedule asks for after a failure.
    pub(super) fn of(attempted: &Attempted, next: Option<Duration>) -> Self {
        let end = |state, reason: Option<&String>| Self { state, next: None, reason: reason.cloned() };
        match &attempted.outcome {
            Outcome::Delivered => end("delivered", None),
            Outcome::Rejected { reason } => end("rejected", Some(reason)),
            Outcome::Skipped { reason } => end("skipped", Some(reason)),
            Outcome::Held { pause } => Self { state: "held", next: Some(*pause), reason: None },
            Outcome::Failed { .. } if next.is_none() => end("exhausted", attempted.response.as_ref()),
            Outcome::Failed { .. } => Self { state: "failed", next, reason: None },
        }
    }
}

/// The attempt is completed whoever has the delivery now; the delivery is left alone if it is another's by now.
const RECORD: &str = "
WITH noted AS (
    UPDATE attempts SET outcome = $4, code = $5, latency_ms = $6, request_excerpt = $7, response_excerpt = $8,
        next_at = clock_timestamp() + make_interval(secs => $9)
    WHERE delivery_id = $1 AND number = $3
)
UPDATE deliveries SET state = $10, reason = $11, lease_owner = NULL, lease_until = NULL,
    due_at = coalesce(clock_timestamp() + make_interval(secs => $9), due_at),
    end_time = CASE WHEN $9::double precision IS NULL THEN clock_timestamp() END
WHERE id = $1 AND lease_owner = $2 AND attempts = $3";

/// Writes it down.
pub(super) async fn record(
    pool: &PgPool,
    owner: Uuid,
    job: &Job,
    attempted: &Attempted,
    took: Duration,
    verdict: &Verdict,
) -> sqlx::Result<()> {
    if let Outcome::Held { pause } = attempted.outcome {
        return put_back(pool, owner, job, pause).await;
    }
    sqlx::query(RECORD)
        .bind(job.id)
        .bind(owner)
        .bind(job.attempt)
        .bind(attempted.outcome.as_str())
        .bind(attempted.code.as_deref().map(excerpt))
        .bind(i64::try_from(took.as_millis()).unwrap_or(i64::MAX))
        .bind(attempted.request.as_deref().map(excerpt))
        .bind(attempted.response.as_deref().map(excerpt))
        .bind(verdict.next.map(|pause| pause.as_secs_f64()))
        .bind(verdict.state)
        .bind(verdict.reason.as_deref().map(excerpt))
        .execute(pool)
        .await
        .map(drop)
}

const PUT_BACK: &str = "
WITH undone AS (DELETE FROM attempts WHERE delivery_id = $1 AND number = $3 RETURNING trigger)
UPDATE deliveries SET attempts = attempts - 1, step = step - 1, lease_owner = NULL, lease_until = NULL,
    due_at = clock_timestamp() + make_interval(secs => $4), next_trigger = undone.trigger
FROM undone WHERE id = $1 AND lease_owner = $2 AND attempts = $3";

/// As if it had not been taken, but for when it is due.
async fn put_back(pool: &PgPool, owner: Uuid, job: &Job, pause: Duration) -> sqlx::Result<()> {
    let query = sqlx::query(PUT_BACK).bind(job.id).bind(owner).bind(job.attempt).bind(pause.as_secs_f64());
    query.execute(pool).await.map(drop)
}

/// The beginning, as far as Postgres takes it.
fn excerpt(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(EXCERPT)];
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_decides_what_becomes_of_the_delivery() {
        let state = |outcome, next| Verdict::of(&Attempted::new(outcome), next).state;
        let failed = || Outcome::Failed { retry_after: None };
        assert_eq!(state(Outcome::Delivered, Some(Duration::ZERO)), "delivered");
        assert_eq!(state(failed(), Some(Duration::ZERO)), "failed");
        assert_eq!(state(failed(), None), "exhausted");
        let rejected = Verdict::of(&Attempted::rejected("no such user"), Some(Duration::ZERO));
        let expected = Verdict { state: "rejected", next: None, reason: Some("no such user".into()) };
        assert_eq!(rejected, expected);
    }

    #[test]
    fn excerpts_are_cut_between_characters() {
        assert_eq!(excerpt("a\0b"), "a\u{fffd}b");
        assert_eq!(excerpt(&"김".repeat(2_000)).chars().count(), EXCERPT / 3);
    }
}
