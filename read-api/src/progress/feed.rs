//! Where progress comes from: NATS and the checkpoints.

use std::time::Duration;

use async_nats::{Client, Message};
use serde::Deserialize;
use service::{inbox, nats, operation};
use sqlx::PgPool;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Parked, Progress, Projection, told::Told};

const POLL: Duration = Duration::from_secs(1);
/// More parked aggregates are not remembered: their projection has stopped by then.
const MAX_PARKED: i64 = 10_000;

/// Keeps `progress` up to date until the token is cancelled.
pub async fn run(progress: Progress, pool: PgPool, nats: Option<Client>, ended: CancellationToken) {
    let polls = poll(&progress, &pool);
    let messages = async {
        match nats {
            Some(client) => hear(&progress, &client).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ended.cancelled() => {}
        () = polls => {}
        () = messages => {}
    }
}

async fn poll(progress: &Progress, pool: &PgPool) {
    let mut ticks = interval_at(Instant::now(), POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        ticks.tick().await;
        if let Err(error) = poll_once(progress, pool).await {
            tracing::warn!(%error, "the checkpoints of the read model cannot be read");
        }
        if let Err(error) = told.tell(progress, pool).await {
            tracing::warn!(%error, "new notices cannot be looked for");
        }
    }
}

const POSITIONS: &str = "SELECT projection, version, position FROM read_model.positions";

const PARKED: &str = "
SELECT e.projection, e.aggregate_id, min(e.position) FROM read_model.parked_events e
JOIN read_model.projections p ON p.name = e.projection AND p.live_version = e.version
GROUP BY 1, 2 LIMIT $1";

/// Positions are read before what is parked, and published after it: whoever sees a position that was reached by parking
/// sees what was parked.
async fn poll_once(progress: &Progress, pool: &PgPool) -> sqlx::Result<()> {
    progress.polling();
    let positions: Vec<(String, i32, i64)> = sqlx::query_as(POSITIONS).fetch_all(pool).await?;
    let parked: Vec<(String, Uuid, i64)> = sqlx::query_as(PARKED).bind(MAX_PARKED).fetch_all(pool).await?;
    let known = |(name, id, position): (String, Uuid, i64)| Some((Projection::parse(&name)?, id, position));
    progress.set_parked(parked.into_iter().filter_map(known).collect::<Parked>());
    for (name, version, position) in positions {
        if let Some(projection) = Projection::parse(&name) {
            progress.polled(projection, version, position);
        }
    }
    Ok(())
}

async fn hear(progress: &Progress, client: &Client) {
    let projections = nats::listen(client, "progress.*", |message| {
        if let Some((projection, report)) = read(&message) {
            progress.raise(projection, report.version, report.position);
        }
    });
    let operations = nats::listen(client, operation::SUBJECTS, |message| {
        if let Some(id) = operation::of_subject(&message.subject) {
            progress.0.operations.tell(id);
        }
    });
    let inboxes = nats::listen(client, inbox::SUBJECTS, |message| {
        if let Some(user) = inbox::of_subject(&message.subject) {
            progress.0.inboxes.tell(user);
        }
    });
    tokio::select! {
        never = projections => match never {},
        never = operations => match never {},
        never = inboxes => match never {},
    }
}

#[derive(Deserialize)]
struct Report {
    version: i32,
    position: i64,
}

fn read(message: &Message) -> Option<(Projection, Report)> {
    let projection = Projection::parse(message.subject.strip_prefix("progress.")?)?;
    Some((projection, serde_json::from_slice(&message.payload).ok()?))
}
