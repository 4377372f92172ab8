//! How far behind the log the projections are.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
};
use service::metrics::Metrics;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::{connect::ReadModel, runner::Sources};

/// How often the gauges are set.
const EVERY: Duration = Duration::from_secs(5);

/// Where a lane of a live version is.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct LaneLag {
    /// The projection.
    pub name: String,
    /// The lane.
    pub lane: i16,
    /// Its checkpoint.
    pub position: i64,
    /// Seconds since the log took the event at the checkpoint.
    pub age: f64,
    /// Events parked.
    pub parked: i32,
}

const LANES: &str = "
SELECT p.name, c.lane, c.position, c.parked,
    coalesce(extract(epoch FROM clock_timestamp() - c.recorded_at), 0)::double precision AS age
FROM read_model.projections AS p
JOIN read_model.checkpoints AS c ON c.projection = p.name AND c.version = p.live_version
ORDER BY p.name, c.lane";

/// All lanes of the live versions.
pub async fn lanes(read_model: &ReadModel) -> sqlx::Result<Vec<LaneLag>> {
    sqlx::query_as(LANES).fetch_all(read_model.look_ups()).await
}

const STOPPED: &str = "SELECT name FROM read_model.projections WHERE state = 'stopped' ORDER BY name";

/// The projections that are stopped.
pub async fn stopped(read_model: &ReadModel) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(STOPPED).fetch_all(read_model.look_ups()).await
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lane {
    projection: String,
    lane: i64,
}

/// Lag and parked events for Prometheus.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    events: Family<Lane, Gauge>,
    seconds: Family<Lane, Gauge<f64, std::sync::atomic::AtomicU64>>,
    parked: Family<Lane, Gauge>,
}

impl Gauges {
    /// Adds the gauges to the process.
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let gauges = Self::default();
        metrics.register(|registry| {
            registry.register("projection_lag_events", "Events not yet projected", gauges.events.clone());
            registry.register("projection_lag_seconds", "Age of the oldest of them", gauges.seconds.clone());
            registry.register("projection_parked_events", "Events set aside", gauges.parked.clone());
        });
        gauges
    }

    /// Keeps them up to date until told to stop.
    pub(crate) async fn watch(self, sources: Sources, stop: CancellationToken) {
        let mut tick = time::interval(EVERY);
        tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            match (sources.log.head().await, lanes(&sources.read_model).await) {
                (Ok(head), Ok(lanes)) => lanes.iter().for_each(|lane| self.set(head, lane)),
                (Err(error), _) => tracing::debug!(%error, "the lag cannot be measured"),
                (_, Err(error)) => tracing::debug!(%error, "the lag cannot be measured"),
            }
        }
    }

    fn set(&self, head: i64, lag: &LaneLag) {
        let labels = Lane { projection: lag.name.clone(), lane: lag.lane.into() };
        let behind = (head - lag.position).max(0);
        self.events.get_or_create(&labels).set(behind);
        self.seconds.get_or_create(&labels).set(if behind > 0 { lag.age } else { 0.0 });
        self.parked.get_or_create(&labels).set(lag.parked.into());
    }
}
