//! Where progress comes from: NATS and the checkpoints.

use std::time::Duration;

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use sqlx::PgPool;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Parked, Progress, Projection};

const POLL: Duration = Duration::from_secs(1);
/// A subscription that ended is made anew after this long.
const RESUBSCRIBE: Duration = Duration::from_secs(1);
/// More parked aggregates are not remembered: their projection has stopped by then.
const MAX_PARKED: i64 = 10_000;

/// Keeps `progress` up to date until the token is cancelled.
pub async fn run(progress: Progress, pool: PgPool, nats: Option<Client>, ended: CancellationToken) {
    let polls = poll(&progress, &pool);
    let messages = async {
        match nats {
            Some(client) => listen(&progress, &client).await,
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
    loop {
        ticks.tick().await;
        if let Err(error) = poll_once(progress, pool).await {
            tracing::warn!(%error, "the checkpoints of the read model cannot be read");
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

async fn listen(progress: &Progress, client: &Client) {
    loop {
        match client.subscribe("progress.*").await {
            Ok(messages) => take_in(progress, messages).await,
            Err(error) => {
                tracing::warn!(%error, "progress of projections cannot be followed; polling goes on")
            }
        }
        tokio::time::sleep(RESUBSCRIBE).await;
    }
}

async fn take_in(progress: &Progress, mut messages: Subscriber) {
    while let Some(message) = messages.next().await {
        if let Some((projection, report)) = read(&message) {
            progress.raise(projection, report.version, report.position);
        }
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
