//! Writing down what came of an attempt.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

use super::{AfterLast, Attempted, Job, Outcome};

/// Kept of what was sent and answered.
const EXCERPT: usize = 4_096;

/// What becomes of the delivery.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: &'static str,
    pub(super) next: Next,
    pub(super) reason: Option<String>,
}

/// When a delivery is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Next {
    /// After this pause.
    After(Duration),
    /// When somebody wishes.
    OnDemand,
    /// Never.
    Never,
}

impl Verdict {
    /// `pause` is what the schedule asks for after a failure; none at its end. What was held has none.
    pub(super) fn of(attempted: &Attempted, pause: Option<Duration>, after_last: AfterLast) -> Option<Self> {
        let (state, next, reason) = match (&attempted.outcome, pause, after_last) {
            (Outcome::Delivered, _, _) => ("delivered", Next::Never, None),
            (Outcome::Rejected { reason }, _, _) => ("rejected", Next::Never, Some(reason)),
            (Outcome::Skipped { reason }, _, _) => ("skipped", Next::Never, Some(reason)),
            (Outcome::Failed { .. }, Some(pause), _) => ("failed", Next::After(pause), None),
            (Outcome::Failed { .. }, None, AfterLast::Exhaust) => {
                ("exhausted", Next::Never, attempted.response.as_ref())
            }
            (Outcome::Failed { .. }, None, AfterLast::Wait) => {
                ("failed", Next::OnDemand, attempted.response.as_ref())
            }
            (Outcome::Held { .. }, _, _) => return None,
        };
        Some(Self { state, next, reason: reason.cloned() })
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
    due_at = CASE WHEN $12 THEN 'infinity' ELSE coalesce(clock_timestamp() + make_interval(secs => $9), due_at) END,
    end_time = CASE WHEN $9::double precision IS NULL AND NOT $12 THEN clock_timestamp() END
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
        .bind(match verdict.next {
            Next::After(pause) => Some(pause.as_secs_f64()),
            Next::OnDemand | Next::Never => None,
        })
        .bind(verdict.state)
        .bind(verdict.reason.as_deref().map(excerpt))
        .bind(verdict.next == Next::OnDemand)
        .execute(pool)
        .await
        .map(drop)
}

const PUT_BACK: &str = "
WITH untried AS (
    DELETE FROM attempts WHERE delivery_id = $1 AND number = $3 RETURNING trigger, started_at
)
UPDATE deliveries SET attempts = attempts - 1, step = greatest(step - 1, 0), next_trigger = untried.trigger,
    lease_owner = NULL, lease_until = NULL,
    due_at = CASE WHEN due_at > started_at THEN due_at ELSE clock_timestamp() + make_interval(secs => $4) END
FROM untried WHERE id = $1 AND lease_owner = $2 AND attempts = $3";

/// Puts a delivery back that was not tried after all, as if it had not been claimed. If it was given another time meanwhile,
/// because what held it has ended, that time stands.
pub(super) async fn put_back(pool: &PgPool, owner: Uuid, job: &Job, pause: Duration) -> sqlx::Result<()> {
    let query = sqlx::query(PUT_BACK).bind(job.id).bind(owner).bind(job.attempt);
    query.bind(pause.as_secs_f64()).execute(pool).await.map(drop)
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
        use AfterLast::{Exhaust, Wait};
        let becomes = |outcome, pause, after_last| {
            Verdict::of(&Attempted::new(outcome), pause, after_last)
                .map(|verdict| (verdict.state, verdict.next))
        };
        let (failed, at_once) = (|| Outcome::Failed { retry_after: None }, Some(Duration::ZERO));
        assert_eq!(becomes(Outcome::Delivered, at_once, Wait), Some(("delivered", Next::Never)));
        assert_eq!(becomes(failed(), at_once, Wait), Some(("failed", Next::After(Duration::ZERO))));
        assert_eq!(becomes(failed(), None, Exhaust), Some(("exhausted", Next::Never)));
        assert_eq!(becomes(failed(), None, Wait), Some(("failed", Next::OnDemand)));
        assert_eq!(becomes(Outcome::Held { pause: Duration::ZERO }, None, Wait), None);
        let rejected = Verdict::of(&Attempted::rejected("no such user"), at_once, Exhaust);
        let reason = Some("no such user".into());
        assert_eq!(rejected, Some(Verdict { state: "rejected", next: Next::Never, reason }));
    }

    #[test]
    fn excerpts_are_cut_between_characters() {
        assert_eq!(excerpt("a\0b"), "a\u{fffd}b");
        assert_eq!(excerpt(&"김".repeat(2_000)).chars().count(), EXCERPT / 3);
    }
}
