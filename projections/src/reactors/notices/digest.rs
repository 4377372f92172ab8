//! Once a day: what waits for somebody becomes one mail.

use std::{collections::BTreeMap, time::Duration};

use chrono::{NaiveDate, TimeDelta};
use domain::{
    ids::{EventId, UserId},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::time::{self, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    channels::{
        email::{self, DigestLetter, Letter},
        notice::{DIGEST, DigestLine},
    },
    deliveries::{self, NewDelivery},
    delivery::Delivery,
    reactors::ReactError,
};

/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(20);
/// Lines of digests in one transaction at most.
const LINES: i64 = 5_000;
/// Lines that one mail tells; of the others it says how many they are.
const TOLD: usize = 100;

/// Makes digests of what is due until told to stop. Several processes may: each line is in the hands of one.
pub async fn run(delivery: Delivery, clock: fn() -> Timestamp, stop: CancellationToken) {
    let mut tick = time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = digest_due(&delivery, clock()).await {
            tracing::warn!(%error, "digests are held up, trying again");
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Waiting {
    id: Uuid,
    position: i64,
    recipient: String,
    due_at: chrono::DateTime<chrono::Utc>,
    #[sqlx(json)]
    payload: DigestLine,
}

/// Makes one mail of everything that is due at an instant, for each person and day; returns how many.
pub async fn digest_due(delivery: &Delivery, now: Timestamp) -> Result<usize, ReactError> {
    let mut made = 0;
    loop {
        let mut transaction = delivery.pool().begin().await?;
        let lines = take(&mut transaction, now).await?;
        if lines.is_empty() {
            return Ok(made);
        }
        for ((recipient, day), lines) in by_day(lines) {
            made += usize::from(send(&mut transaction, &recipient, day, &lines).await?);
        }
        transaction.commit().await?;
    }
}

const TAKE: &str = "
SELECT id, position, recipient, due_at, payload FROM deliveries
WHERE channel = $1 AND state IN ('pending', 'failed') AND recipient IN (
    SELECT recipient FROM deliveries WHERE channel = $1 AND state IN ('pending', 'failed') AND due_at <= $2
    GROUP BY recipient ORDER BY min(due_at), recipient LIMIT 100
) AND due_at <= $2
ORDER BY recipient, position LIMIT $3 FOR UPDATE SKIP LOCKED";

async fn take(tables: &mut PgConnection, now: Timestamp) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as(TAKE).bind(DIGEST).bind(now.as_datetime()).bind(LINES).fetch_all(tables).await
}

type Days = BTreeMap<(String, NaiveDate), Vec<Waiting>>;

/// Where a digest is late by a day or more, what was for several days comes together, as of the last.
fn by_day(lines: Vec<Waiting>) -> Days {
    let mut last: BTreeMap<String, NaiveDate> = BTreeMap::new();
    for line in &lines {
        let day = last.entry(line.recipient.clone()).or_insert(line.payload.day);
        *day = line.payload.day.max(*day);
    }
    let mut days = Days::new();
    for line in lines {
        let day = last.get(&line.recipient).copied().unwrap_or(line.payload.day);
        days.entry((line.recipient.clone(), day)).or_default().push(line);
    }
    days
}

const MADE: &str = "
UPDATE deliveries SET state = 'superseded', end_time = clock_timestamp(), reason = 'told in the digest' WHERE id = ANY($1)";

const TOMORROW: &str = "
UPDATE deliveries SET due_at = due_at + interval '1 day',
    payload = jsonb_set(payload, '{day}', to_jsonb($2::date)) WHERE id = ANY($1)";

/// False if that day has had its digest: the lines wait for the next one.
async fn send(
    tables: &mut PgConnection,
    recipient: &str,
    day: NaiveDate,
    lines: &[Waiting],
) -> Result<bool, ReactError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.id).collect();
    if deliveries::insert(tables, &[mail(recipient, day, lines)?]).await? == 0 {
        let next = day.succ_opt().unwrap_or(day);
        sqlx::query(TOMORROW).bind(ids).bind(next).execute(tables).await?;
        return Ok(false);
    }
    sqlx::query(MADE).bind(ids).execute(tables).await?;
    Ok(true)
}

fn mail(recipient: &str, day: NaiveDate, lines: &[Waiting]) -> Result<NewDelivery, ReactError> {
    let due = lines.iter().map(|line| line.due_at).max().unwrap_or_default();
    let letter = DigestLetter {
        user: UserId(recipient.parse().unwrap_or_default()),
        day,
        good_until: Timestamp::from(due).plus(TimeDelta::days(2)),
        told: lines.iter().take(TOLD).map(|line| line.payload.told.clone()).collect(),
        more: lines.len().saturating_sub(TOLD),
    };
    Ok(NewDelivery {
        event_id: digest_id(recipient, day),
        position: lines.iter().map(|line| line.position).max().unwrap_or_default(),
        channel: email::NAME,
        recipient: recipient.to_owned(),
        order_key: None,
        due: None,
        payload: serde_json::to_value(Letter::Digest(letter))?,
    })
}

/// What stands for an event where there is none: the same for a person's day, whoever computes it.
fn digest_id(recipient: &str, day: NaiveDate) -> EventId {
    let digest = Sha256::digest(format!("digest of {day} for {recipient}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
