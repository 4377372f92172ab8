//! Takes those who are behind through the log.

use std::{sync::Arc, time::Duration};

use event_store::{
    LogError, Pressure,
    envelope::{Envelope, EnvelopeError},
};
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Webhooks,
    readings::{self, Reading},
};
use crate::{
    deliveries::{self, NewDelivery},
    delivery::Delivery,
    webhooks::find,
};

/// How often somebody looks whether anybody can go on.
const POLL: Duration = Duration::from_secs(1);
/// Longest time for one step.
const DEADLINE: Duration = Duration::from_secs(30);
/// After that a step ends with what it has: however slow the database, some way is made.
const ENOUGH: Duration = Duration::from_secs(10);
/// Events read in one step, and bytes of them.
const PAGE: i64 = 500;
const PAGE_BYTES: i64 = 4 << 20;
/// So near to the reactor, it waits until they are together.
const NEAR: i64 = 100;

const TRIGGER: &str = "
UPDATE deliveries SET next_trigger = 'replay'
WHERE channel = 'webhook' AND recipient = $1 AND state = 'pending' AND attempts = 0";

/// Why nobody gets on.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Delivery(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    #[error("a delivery cannot be written down: {0}")]
    Payload(#[from] serde_json::Error),
    #[error("the log is not the one that places are noted in")]
    OtherLog,
    #[error("the database takes too long")]
    TooSlow,
}

/// Reads for all who are behind until told to stop; several processes may.
pub async fn read(webhooks: Arc<Webhooks>, delivery: Delivery, pressure: Pressure, stop: CancellationToken) {
    let mut commands_first = pressure.worker();
    while !stop.is_cancelled() {
        let step = time::timeout(DEADLINE, step(&webhooks, &delivery));
        let step = tokio::select! {
            () = stop.cancelled() => return,
            step = step => step.unwrap_or(Err(Setback::TooSlow)),
        };
        match step {
            Ok(true) => {
                commands_first.wait().await;
                continue;
            }
            Ok(false) => {}
            Err(Setback::OtherLog) => tracing::error!(error = %Setback::OtherLog, "nothing is sent"),
            Err(error) => tracing::warn!(%error, "webhooks that are behind stay so, trying again"),
        }
        let _ = time::timeout(POLL, stop.cancelled()).await;
    }
}

/// One step for whoever has waited longest; false if nobody can go on.
async fn step(webhooks: &Webhooks, delivery: &Delivery) -> Result<bool, Setback> {
    let mut transaction = delivery.pool().begin().await?;
    let Some(reading) = readings::next(&mut transaction).await? else { return Ok(false) };
    if webhooks.log.epoch().await? != reading.log_epoch {
        return Err(Setback::OtherLog);
    }
    let joins = reading.replay.is_none() && reading.head - reading.position <= NEAR;
    // The reactor takes the same locks in the same order.
    if joins {
        readings::hold_head(&mut transaction).await?;
    }
    let locked = readings::lock(&mut transaction, &reading.recipient).await?;
    let Some(reading) = locked else { return Ok(false) };
    go_on(webhooks, &mut transaction, &reading, joins).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn go_on(
    webhooks: &Webhooks,
    tables: &mut Transaction<'_, Postgres>,
    reading: &Reading,
    joins: bool,
) -> Result<(), Setback> {
    let (position, new) = page(webhooks, tables, reading).await?;
    deliveries::insert(tables, &new).await?;
    if reading.replay.is_some() && !new.is_empty() {
        sqlx::query(TRIGGER).bind(&reading.recipient).execute(&mut **tables).await?;
    }
    let together = joins && position >= reading.head;
    if together || reading.until.is_some_and(|until| position >= until) {
        readings::end(tables, &reading.recipient).await?;
    } else {
        readings::advance(tables, &reading.recipient, position).await?;
    }
    Ok(())
}

/// What the endpoint wants of the next events, as far as there is room, and up to where that is.
async fn page(
    webhooks: &Webhooks,
    tables: &mut PgConnection,
    reading: &Reading,
) -> Result<(i64, Vec<NewDelivery>), Setback> {
    let (mut position, mut new) = (reading.position, Vec::new());
    let Some(endpoint) = find(&mut *tables, reading.webhook).await? else { return Ok((position, new)) };
    let limit = PAGE.min(reading.end() - position);
    if limit <= 0 {
        return Ok((position, new));
    }
    let (mut room, began) = (reading.room, Instant::now());
    for recorded in webhooks.log.read_after(position, limit, PAGE_BYTES).await? {
        let event = Envelope::try_from(recorded)?;
        if webhooks.judge.wants(&endpoint, &event).await? {
            if room <= 0 {
                break;
            }
            room -= 1;
            new.push(endpoint.delivery(&event, reading.route())?);
        }
        position = event.position;
        if began.elapsed() > ENOUGH {
            break;
        }
    }
    Ok((position, new))
}
