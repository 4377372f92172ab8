//! The row of a schedule.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::time::TimeZone;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::Cron;

/// A schedule as one process sees it.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) schedule: &'static str,
    pub(super) owner: Uuid,
    /// How long the process is believed to live; by the database's clock, whatever time the schedule goes by.
    pub(super) lease: Duration,
}

/// What has come of a run.
#[derive(Debug)]
pub(super) enum Outcome {
    Done { report: Value, next: DateTime<Utc> },
    Failed { error: String, not_before: DateTime<Utc> },
}

/// With other settings the next turn is another one; one that was missed is made up for all the same.
const PREPARE: &str = "
INSERT INTO schedules AS s (name, cron, zone, next_time) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET cron = $2, zone = $3,
    next_time = CASE WHEN s.next_time <= $5 THEN s.next_time ELSE $4 END
WHERE (s.cron, s.zone) IS DISTINCT FROM ($2, $3)";

const TAKE: &str = "
UPDATE schedules SET lease_owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
    last_turn = next_time, last_start = $4, last_end = NULL, last_outcome = 'unknown', last_error = NULL,
    last_report = NULL
WHERE name = $1 AND next_time <= $4 AND not_before <= $4 AND lease_until < clock_timestamp()
RETURNING next_time";

const RENEW: &str = "
UPDATE schedules SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE name = $1 AND lease_owner = $2";

const LEAVE: &str = "
UPDATE schedules SET lease_owner = NULL, lease_until = '-infinity' WHERE name = $1 AND lease_owner = $2";

const FINISH: &str = "
UPDATE schedules SET lease_owner = NULL, lease_until = '-infinity', last_end = $3, last_outcome = $4,
    last_error = $5, last_report = $6, next_time = coalesce($7, next_time), not_before = coalesce($8, '-infinity')
WHERE name = $1 AND lease_owner = $2";

impl Claim {
    /// Writes down when it is to run, if that is new.
    pub(super) async fn prepare(
        &self,
        pool: &PgPool,
        cron: &Cron,
        zone: TimeZone,
        next: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let query = sqlx::query(PREPARE).bind(self.schedule).bind(cron.to_string()).bind(zone.as_str());
        query.bind(next).bind(now).execute(pool).await.map(drop)
    }

    /// The turn that has come, if nobody else has it.
    pub(super) async fn take(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
    ) -> sqlx::Result<Option<DateTime<Utc>>> {
        let query = sqlx::query_scalar(TAKE).bind(self.schedule).bind(self.owner);
        query.bind(self.lease.as_secs_f64()).bind(now).fetch_optional(pool).await
    }

    /// Stays in the lease; false if another process has it.
    pub(super) async fn renew(&self, pool: &PgPool) -> sqlx::Result<bool> {
        let query = sqlx::query(RENEW).bind(self.schedule).bind(self.owner).bind(self.lease.as_secs_f64());
        Ok(query.execute(pool).await?.rows_affected() == 1)
    }

    /// Lets others have the turn at once.
    pub(super) async fn leave(&self, pool: &PgPool) -> sqlx::Result<()> {
        sqlx::query(LEAVE).bind(self.schedule).bind(self.owner).execute(pool).await.map(drop)
    }

    /// Ends the run: the turn is over, or comes again after a pause.
    pub(super) async fn finish(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
        outcome: &Outcome,
    ) -> sqlx::Result<()> {
        let (word, error, report, next, not_before) = match outcome {
            Outcome::Done { report, next } => ("done", None, Some(report), Some(*next), None),
            Outcome::Failed { error, not_before } => ("failed", Some(error), None, None, Some(*not_before)),
        };
        let query = sqlx::query(FINISH).bind(self.schedule).bind(self.owner).bind(now).bind(word);
        let query = query.bind(error).bind(report).bind(next).bind(not_before);
        query.execute(pool).await.map(drop)
    }
}
