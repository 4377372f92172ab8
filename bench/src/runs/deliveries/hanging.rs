//! What the others feel of endpoints that take calls and never answer.

use std::time::Duration;

use super::hooks::{allowed, register};
use crate::{
    Failure, Settings, load,
    receivers::Http,
    report,
    system::{Stores, System},
};

/// How many hang in the end, of a hundred: more than fill all calls that one process makes at a time.
const MANY: u64 = 40;

/// All of them well, then one that hangs, then many.
pub(super) async fn hanging(
    stores: &Stores,
    settings: &Settings,
    endpoints: u64,
    rate: f64,
) -> Result<(), Failure> {
    let receiver = Http::start().await?;
    let system = System::start_with(stores, "bench_hanging", &[allowed()]).await?;
    register(&system, &receiver, endpoints).await?;
    let well = others(&system, &receiver, settings, endpoints, rate, 0).await?;
    for hanging in [1, endpoints * MANY / 100] {
        let p99 = others(&system, &receiver, settings, endpoints, rate, hanging).await?;
        let name = format!("event → received, p99, beside {hanging} that hang");
        report::figure(&name, p99, "ms", Some(("all well", well)));
    }
    system.stop().await
}

/// Event → received of the endpoints that do not hang: p99 in milliseconds.
async fn others(
    system: &System,
    receiver: &Http,
    settings: &Settings,
    endpoints: u64,
    rate: f64,
    hanging: u64,
) -> Result<f64, Failure> {
    receiver.hang(hanging);
    receiver.arrivals.forget();
    let duration = Duration::from_secs(settings.seconds);
    let run = load::open_loop(system.address, 1, rate, duration, system.create()).await?;
    receiver.arrivals.reach(run.accepted * (endpoints - hanging), hanging).await?;
    let ages = receiver.arrivals.ages(hanging);
    let millis = |quantile| ages.value_at_quantile(quantile) as f64 / 1000.0;
    if hanging == 0 {
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let what = format!("event → received, {endpoints} webhooks, {rate}/s each, {name}");
            report::figure(&what, millis(quantile), "ms", None);
        }
    }
    Ok(millis(0.99))
}
