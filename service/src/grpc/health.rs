//! `grpc.health.v1`: readiness, for the process and for each service by its name.

use std::{collections::BTreeSet, time::Duration};

use axum::Router;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::process::Surroundings;

/// How often is looked.
const INTERVAL: Duration = Duration::from_secs(2);
/// Questions are short (bytes).
const MAX_QUESTION: usize = 4 * 1024;

/// Adds the health service, and keeps it told until the shutdown.
pub(super) fn add(router: Router, surroundings: &Surroundings, offered: &BTreeSet<&'static str>) -> Router {
    let (reporter, server) = tonic_health::server::health_reporter();
    let server = server.max_decoding_message_size(MAX_QUESTION).max_encoding_message_size(MAX_QUESTION);
    // The empty name is the process as a whole.
    let names = offered.iter().copied().chain([""]).collect();
    surroundings.shutdown.spawn(report(reporter, names, surroundings.clone()));
    router.route_service("/grpc.health.v1.Health/{method}", server)
}

async fn report(reporter: HealthReporter, names: Vec<&'static str>, surroundings: Surroundings) {
    tell(&reporter, &names, false).await;
    loop {
        let ready = surroundings.health.run().await.iter().all(|(_, outcome)| outcome.is_ok());
        tell(&reporter, &names, ready && !surroundings.shutdown.has_begun()).await;
        tokio::select! {
            () = surroundings.shutdown.begun() => return tell(&reporter, &names, false).await,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn tell(reporter: &HealthReporter, names: &[&'static str], ready: bool) {
    let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
    for name in names {
        reporter.set_service_status(name, status).await;
    }
}
