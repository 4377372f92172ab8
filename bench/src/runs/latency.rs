//! How long one command takes, and how long until it is seen.

use std::time::{Duration, Instant};

use crate::{
    Failure, Settings,
    load::{self, Connection},
    peers::pgbench,
    report,
    system::{self, Stores, System},
};

/// Alone, then beside open-loop load at `rate`.
pub(crate) async fn latency(settings: &Settings, rate: f64) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let url = stores.database("pgbench").await?;
    pgbench::prepare(&url).await?;
    let program = system::pgbench(settings.pgbench.as_ref());
    let alone = 1000.0 / pgbench::inserts_per_second(&program, &url, 1, 5).await?;
    report::figure("one INSERT alone", alone, "ms", None);

    let system = System::start(&stores).await?;
    let run = load::closed_loop(system.address, 1, Duration::from_secs(5), system.create()).await?;
    report::figure("one command alone, p50", run.millis(0.5), "ms", Some(("one INSERT", alone)));
    report::figure("one command alone, p99", run.millis(0.99), "ms", None);
    system.drain().await?;
    visible(&system, "idle", Duration::from_secs(5)).await?;

    let duration = Duration::from_secs(settings.seconds);
    let load = load::open_loop(system.address, settings.connections, rate, duration, system.create());
    let probe = visible(&system, "under load", duration);
    let (run, probe) = tokio::join!(load, probe);
    probe?;
    report::run(&format!("command at {rate:.0}/s"), &run?, None);
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

/// Creates a task and asks for it with the position of its answer: acknowledged → visible includes that one GET.
async fn visible(system: &System, when: &str, duration: Duration) -> Result<(), Failure> {
    let mut connection = Connection::open(system.address).await?;
    let create = system.create();
    let mut seen = load::histogram();
    let until = Instant::now() + duration;
    let mut number = 0;
    while Instant::now() < until {
        number += 1;
        let (status, body) = connection.send(create(number)).await?;
        let acknowledged = Instant::now();
        let created: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| Failure::Answer(error.to_string()))?;
        let (Some(id), Some(position)) = (created["id"].as_str(), created["position"].as_i64()) else {
            return Err(Failure::Answer(format!("{status}: {created}")));
        };
        let get = system.get(&format!("/v1/tasks/{id}?min_position={position}"));
        let (status, _) = connection.send(get).await?;
        if !status.is_success() {
            return Err(Failure::Answer(format!("not visible: {status}")));
        }
        seen.saturating_record(acknowledged.elapsed().as_micros() as u64);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    report::figure(
        &format!("acknowledged → visible, {when}, p50"),
        seen.value_at_quantile(0.5) as f64 / 1000.0,
        "ms",
        None,
    );
    report::figure(
        &format!("acknowledged → visible, {when}, p99"),
        seen.value_at_quantile(0.99) as f64 / 1000.0,
        "ms",
        None,
    );
    Ok(())
}
