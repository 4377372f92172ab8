//! What a run has made due, and what has come of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    channels::interface::{NAME, SCHEDULE},
    deliveries,
};

/// A run, of today or one that was begun before.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Run {
    pub(super) id: Uuid,
    /// If it has ended.
    pub(super) report: Option<Value>,
}

/// How many of a run's deliveries have come to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Tally {
    /// Not tried yet.
    pub(super) open: i64,
    pub(super) delivered: i64,
    pub(super) rejected: i64,
    pub(super) failed: i64,
}

impl Tally {
    pub(super) fn tried(self) -> i64 {
        self.delivered + self.rejected + self.failed
    }

    /// A refusal is an answer: the core system is there.
    pub(super) fn is_failing(self, least: i64) -> bool {
        self.tried() >= least && self.failed * 2 > self.tried()
    }
}

const BEGIN: &str = "
INSERT INTO interface_runs (id, turn) VALUES ($1, $2) ON CONFLICT (turn) DO UPDATE SET turn = excluded.turn
RETURNING id, report";

/// The run of this turn.
pub(super) async fn begin(pool: &PgPool, turn: DateTime<Utc>) -> sqlx::Result<Run> {
    sqlx::query_as(BEGIN).bind(Uuid::now_v7()).bind(turn).fetch_one(pool).await
}

/// The first of each task that waits, once in a run; one attempt is left to it.
const MAKE_DUE: &str = "
WITH waiting AS (
    SELECT d.id, d.attempts FROM deliveries AS d
    WHERE d.channel = $2 AND d.state = 'failed' AND d.due_at = 'infinity' AND d.lease_until IS NULL
        AND NOT EXISTS (SELECT FROM interface_run_deliveries AS r WHERE r.run_id = $1 AND r.delivery_id = d.id)
        AND NOT EXISTS (
            SELECT FROM deliveries AS e
            WHERE e.channel = d.channel AND e.order_key = d.order_key AND e.state IN ('pending', 'failed')
                AND (e.position, e.id) < (d.position, d.id)
        )
    ORDER BY d.position, d.id LIMIT $3 FOR UPDATE OF d SKIP LOCKED
), noted AS (
    INSERT INTO interface_run_deliveries (run_id, delivery_id, attempts) SELECT $1, id, attempts FROM waiting
)
UPDATE deliveries AS d SET due_at = clock_timestamp(), step = $4, reason = NULL FROM waiting WHERE d.id = waiting.id";

/// Makes up to so many due; returns how many there were.
pub(super) async fn make_due(pool: &PgPool, run: Uuid, room: i64) -> sqlx::Result<i64> {
    let mut transaction = pool.begin().await?;
    let query = sqlx::query(MAKE_DUE).bind(run).bind(NAME).bind(room).bind(SCHEDULE.attempts() - 1);
    let made = query.execute(&mut *transaction).await?.rows_affected();
    deliveries::tell(&mut transaction).await?;
    transaction.commit().await?;
    Ok(i64::try_from(made).unwrap_or(i64::MAX))
}

const TALLY: &str = "
SELECT count(*) FILTER (WHERE NOT tried) AS open, count(*) FILTER (WHERE state = 'delivered') AS delivered,
    count(*) FILTER (WHERE state = 'rejected') AS rejected,
    count(*) FILTER (WHERE tried AND state IN ('pending', 'failed')) AS failed
FROM (
    SELECT d.state, d.end_time IS NOT NULL OR d.attempts > r.attempts
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp()) AS tried
    FROM interface_run_deliveries AS r JOIN deliveries AS d ON d.id = r.delivery_id WHERE r.run_id = $1
) AS tried";

/// What has come of the run so far.
pub(super) async fn tally(pool: &PgPool, run: Uuid) -> sqlx::Result<Tally> {
    sqlx::query_as(TALLY).bind(run).fetch_one(pool).await
}

const PUT_BACK: &str = "
UPDATE deliveries AS d SET due_at = 'infinity' FROM interface_run_deliveries AS r
WHERE r.run_id = $1 AND d.id = r.delivery_id AND d.attempts = r.attempts AND d.state = 'failed'
    AND d.lease_until IS NULL";

/// What nobody has tried yet waits for the next night.
pub(super) async fn put_back(pool: &PgPool, run: Uuid) -> sqlx::Result<()> {
    sqlx::query(PUT_BACK).bind(run).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fails_when_most_of_enough_has_failed() {
        let failing =
            |delivered, rejected, failed| Tally { open: 5, delivered, rejected, failed }.is_failing(20);
        assert!(!failing(0, 0, 19) && failing(0, 0, 20));
        assert!(!failing(10, 0, 10) && failing(10, 0, 11));
        assert!(!failing(0, 20, 0) && !failing(0, 50, 50) && failing(0, 49, 50));
    }
}
