//! What Prometheus is told of the channels.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
};
use service::metrics::Metrics;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::delivery::Delivery;

/// How often the gauges are set.
const EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Channel {
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    channel: &'static str,
    outcome: &'static str,
}

/// Counts attempts, and measures what waits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Meters {
    attempts: Family<Attempt, Counter>,
    seconds: Family<Channel, Histogram, fn() -> Histogram>,
    unfinished: Family<Channel, Gauge>,
    overdue: Family<Channel, Gauge<f64, AtomicU64>>,
}

impl Meters {
    /// Adds the metrics to the process.
    pub fn register(metrics: &Metrics) -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let meters = Self {
            attempts: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            unfinished: Family::default(),
            overdue: Family::default(),
        };
        metrics.register(|registry| {
            let Self { attempts, seconds, unfinished, overdue } = meters.clone();
            registry.register("delivery_attempts", "Attempts by what came of them", attempts);
            registry.register("delivery_attempt_seconds", "Time that attempts took", seconds);
            registry.register("deliveries_unfinished", "Deliveries that are still to be tried", unfinished);
            registry.register("deliveries_overdue_seconds", "How long the oldest has been due", overdue);
        });
        meters
    }

    pub(super) fn attempted(&self, channel: &'static str, outcome: &Outcome, took: Duration) {
        self.attempts.get_or_create(&Attempt { channel, outcome: outcome.as_str() }).inc();
        self.seconds.get_or_create(&Channel { channel: channel.into() }).observe(took.as_secs_f64());
    }

    /// Keeps the gauges up to date until told to stop.
    pub async fn watch(self, delivery: Delivery, channels: Vec<&'static str>, stop: CancellationToken) {
        let mut tick = time::interval(EVERY);
        tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            match waiting(&delivery, &channels).await {
                Ok(rows) => rows.iter().for_each(|row| self.set(row)),
                Err(error) => tracing::debug!(%error, "waiting deliveries cannot be counted"),
            }
        }
    }

    fn set(&self, waiting: &Waiting) {
        let labels = Channel { channel: waiting.channel.clone() };
        self.unfinished.get_or_create(&labels).set(waiting.unfinished);
        self.overdue.get_or_create(&labels).set(waiting.overdue);
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Waiting {
    channel: String,
    unfinished: i64,
    overdue: f64,
}

const WAITING: &str = "
SELECT name AS channel, count(d.id) AS unfinished,
    coalesce(greatest(extract(epoch FROM clock_timestamp() - min(d.due_at) FILTER (WHERE isfinite(d.due_at))), 0), 0)::double precision AS overdue
FROM unnest($1::text[]) AS name
LEFT JOIN deliveries AS d ON d.channel = name AND d.state IN ('pending', 'failed')
GROUP BY name";

async fn waiting(delivery: &Delivery, channels: &[&str]) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as(WAITING).bind(channels).fetch_all(delivery.pool()).await
}
