//! Whether the core system is called, for those who look: in a row for queries, in a gauge for Prometheus.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::metrics::gauge::Gauge;
use service::metrics::Metrics;
use sqlx::PgPool;
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Interface, State};
use crate::delivery::Delivery;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// What has not changed is written again after so long, to say that it still holds.
const RENEWAL: Duration = Duration::from_secs(15);

/// As the row has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Standing {
    state: &'static str,
    failures: i64,
    until: Option<Instant>,
}

impl From<State> for Standing {
    fn from(state: State) -> Self {
        match state {
            State::Closed { failures } => Self { state: "closed", failures: failures.into(), until: None },
            State::Open { until, .. } => Self { state: "open", failures: 0, until: Some(until) },
            State::Probing { until, .. } => Self { state: "probing", failures: 0, until: Some(until) },
        }
    }
}

/// Adds the gauge to the process, and keeps it and the row up to date until told to stop.
pub async fn watch(interface: Arc<Interface>, delivery: Delivery, metrics: Metrics, stop: CancellationToken) {
    let open = Gauge::<i64>::default();
    metrics.register(|registry| {
        registry.register("interface_breaker_open", "1 while the core system is left alone", open.clone());
    });
    let (process, mut written) = (Uuid::now_v7(), None);
    let mut tick = time::interval(EVERY);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let standing = Standing::from(interface.state());
        open.set((standing.state != "closed").into());
        if written
            .is_some_and(|(before, at): (Standing, Instant)| before == standing && at.elapsed() < RENEWAL)
        {
            continue;
        }
        match write(delivery.pool(), process, standing).await {
            Ok(()) => written = Some((standing, Instant::now())),
            Err(error) => tracing::debug!(%error, "how the core system stands is not written down yet"),
        }
    }
}

const WRITE: &str = "
INSERT INTO interface_breakers (process, state, failures, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (process) DO UPDATE SET state = excluded.state, failures = excluded.failures, until = excluded.until,
    seen_at = excluded.seen_at";

const FORGET: &str = "DELETE FROM interface_breakers WHERE seen_at < clock_timestamp() - interval '1 hour'";

async fn write(pool: &PgPool, process: Uuid, standing: Standing) -> sqlx::Result<()> {
    let query = sqlx::query(WRITE).bind(process).bind(standing.state).bind(standing.failures);
    query.bind(standing.until.map(by_the_clock)).execute(pool).await?;
    sqlx::query(FORGET).execute(pool).await.map(drop)
}

fn by_the_clock(instant: Instant) -> DateTime<Utc> {
    let wait = instant.saturating_duration_since(Instant::now());
    Utc::now() + TimeDelta::from_std(wait).unwrap_or_default()
}
