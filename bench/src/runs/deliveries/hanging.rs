//! What the others feel of endpoints that take calls and never answer.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::hooks::{allowed, register};
use crate::{
    Failure, Settings, load,
    receivers::Http,
    report,
    system::{Stores, System},
};

/// How many hang in the end, of a hundred: more than fill all calls that one process makes at a time.
const MANY: u64 = 40;
/// The first seconds of a process are no measure.
const WARM_UP: Duration = Duration::from_secs(5);

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
    let run = Round { system: &system, receiver: &receiver, endpoints, rate };
    let duration = Duration::from_secs(settings.seconds);
    run.others(duration.min(WARM_UP), 0).await?;
    let well = run.others(duration, 0).await?;
    for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
        let what = format!("event → received, {endpoints} webhooks, {rate}/s each, {name}");
        report::figure(&what, millis(&well, quantile), "ms", None);
    }
    for hanging in [1, endpoints * MANY / 100] {
        let p99 = millis(&run.others(duration, hanging).await?, 0.99);
        let what = format!("event → received, p99, beside {hanging} that hang");
        report::figure(&what, p99, "ms", Some(("all well", millis(&well, 0.99))));
    }
    system.stop().await
}

struct Round<'a> {
    system: &'a System,
    receiver: &'a Http,
    endpoints: u64,
    rate: f64,
}

impl Round<'_> {
    /// Event → received of the endpoints that do not hang.
    async fn others(&self, duration: Duration, hanging: u64) -> Result<Histogram<u64>, Failure> {
        let Self { system, receiver, endpoints, rate } = *self;
        receiver.hang(hanging);
        receiver.arrivals.forget();
        let run = load::open_loop(system.address, 1, rate, duration, system.create()).await?;
        receiver.arrivals.reach(run.accepted * (endpoints - hanging), hanging).await?;
        Ok(receiver.arrivals.ages(hanging))
    }
}

fn millis(ages: &Histogram<u64>, quantile: f64) -> f64 {
    ages.value_at_quantile(quantile) as f64 / 1000.0
}
