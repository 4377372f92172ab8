//! What a run has come to, for those who run the place.

use chrono::{TimeDelta, Utc};
use domain::{ids::EventId, time::Timestamp};
use event_store::Log;
use serde_json::Value;
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use super::{End, ledger};
use crate::{
    channels::{
        email::{self, CoreFailure, CoreLetter, CoreReport, Letter},
        interface,
    },
    deliveries::{self, NewDelivery},
    readers::{self, Reader},
    schedules::{JobError, Turn},
};

/// Longest words of the core system in a report (characters).
const WORDS: usize = 200;
/// How long a report is news.
const NEWS: TimeDelta = TimeDelta::days(3);

const CLOSE: &str = "
UPDATE interface_runs SET end_time = clock_timestamp(), outcome = $2, report = $3 WHERE id = $1";

/// Ends the run and writes to everybody concerned, unless there was nothing to do; returns the report.
pub(super) async fn close(pool: &PgPool, log: &Log, report: &CoreReport) -> Result<Value, JobError> {
    let head = log.head().await?;
    let shown = serde_json::to_value(report)?;
    let compared = report.checksum.as_ref();
    let differs = compared.is_some_and(|checksum| checksum.differences > 0 || checksum.reason.is_some());
    let mut transaction = pool.begin().await?;
    if report.tried + report.waiting > 0 || differs {
        let letters = letters(&mut transaction, head, report).await?;
        deliveries::insert(&mut transaction, &letters).await?;
    }
    let query = sqlx::query(CLOSE).bind(report.run).bind(&report.outcome).bind(Json(&shown));
    query.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(shown)
}

const WAITING: &str = "
SELECT count(*) FROM deliveries WHERE channel = $1 AND state = 'failed' AND due_at = 'infinity'";

const FAILURES: &str = "
SELECT d.id AS delivery, d.order_key AS task, d.position, d.state, a.code, d.reason
FROM interface_run_deliveries AS r JOIN deliveries AS d ON d.id = r.delivery_id
    LEFT JOIN attempts AS a ON a.delivery_id = d.id AND a.number = d.attempts
WHERE r.run_id = $1 AND d.attempts > r.attempts AND d.state <> 'delivered'
ORDER BY d.position, d.id LIMIT 20";

/// What the run has come to.
pub(super) async fn report(pool: &PgPool, run: Uuid, turn: &Turn, end: End) -> sqlx::Result<CoreReport> {
    let tally = ledger::tally(pool, run).await?;
    let waiting = sqlx::query_scalar(WAITING).bind(interface::NAME).fetch_one(pool).await?;
    let mut failures: Vec<CoreFailure> = sqlx::query_as(FAILURES).bind(run).fetch_all(pool).await?;
    for failure in &mut failures {
        failure.reason = failure.reason.as_deref().map(words);
    }
    Ok(CoreReport {
        run,
        turn: turn.due.into(),
        outcome: end.as_str().to_owned(),
        tried: tally.tried(),
        delivered: tally.delivered,
        rejected: tally.rejected,
        failed: tally.failed,
        waiting,
        failures,
        checksum: None,
    })
}

/// What the core system says, without the rest of its answer.
fn words(answer: &str) -> String {
    let said: Option<Value> = serde_json::from_str(answer).ok();
    let message = said.as_ref().and_then(|said| said["message"].as_str());
    message.unwrap_or(answer).chars().take(WORDS).collect()
}

async fn letters(
    tables: &mut PgConnection,
    head: i64,
    report: &CoreReport,
) -> Result<Vec<NewDelivery>, JobError> {
    let readers = readers::operators(tables).await?;
    let good_until = Timestamp::from(Utc::now()).plus(NEWS);
    let letter = |Reader { user, email, name, locale }| {
        let letter = CoreLetter { user, email, name, locale, good_until, report: report.clone() };
        Ok(NewDelivery {
            event_id: EventId(report.run),
            position: head,
            channel: email::NAME,
            recipient: user.to_string(),
            order_key: None,
            due: None,
            payload: serde_json::to_value(Letter::Core(letter))?,
        })
    };
    readers.into_iter().map(letter).collect()
}
