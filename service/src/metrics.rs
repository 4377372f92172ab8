//! Counters and histograms for Prometheus, served on an address of their own.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::net::TcpListener;

use crate::{http, shutdown::Shutdown};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry of a process; each part adds its own metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    http: HttpMetrics,
    audit_records_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("taskledger");
        let http = HttpMetrics::register(&mut registry);
        let audit_records_dropped = Counter::default();
        let help = "Records of the audit log that could not be kept";
        registry.register("audit_records_dropped", help, audit_records_dropped.clone());
        Self { registry: Arc::new(Mutex::new(registry)), http, audit_records_dropped }
    }
}

impl Metrics {
    /// Adds metrics; names get the prefix `taskledger_`.
    pub fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The text that Prometheus reads.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let encoded =
            self.register(|registry| prometheus_client::encoding::text::encode(&mut text, registry));
        if let Err(error) = encoded {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }

    /// The services of a process count together what they could not put on record.
    pub(crate) fn audit_records_dropped(&self) -> &Counter {
        &self.audit_records_dropped
    }

    pub(crate) fn http(&self) -> &HttpMetrics {
        &self.http
    }
}

/// Serves `/metrics` until the shutdown begins.
pub async fn serve(listener: TcpListener, metrics: Metrics, shutdown: Shutdown) -> std::io::Result<()> {
    let router = Router::new().route("/metrics", get(text)).with_state(metrics);
    http::serve(listener, router, http::Limits::default(), shutdown).await
}

async fn text(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
    status: u16,
}

/// What `finish` and `serve` count.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    requests: Family<Route, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
}

impl HttpMetrics {
    fn register(registry: &mut Registry) -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            in_flight: Gauge::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to the head of the answer", metrics.seconds.clone());
        registry.register("http_requests_in_flight", "Requests being handled", metrics.in_flight.clone());
        metrics
    }

    /// Counts one answer; `route` is the template, never the path.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = Route { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}
