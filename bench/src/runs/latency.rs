//! How long one command takes, and how long until it is seen.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{
    Failure, Settings,
    load::{self, Connection},
    peers::pgbench,
    report,
    system::{self, Stores, System},
};

/// So many turns of so many seconds each.
const TURNS: usize = 5;
const TURN: u64 = 1;
/// After so long everything that a command sets off has been done.
const REST: Duration = Duration::from_millis(20);

/// Alone, then beside open-loop load at `rate`.
pub(crate) async fn latency(settings: &Settings, rate: f64) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let system = System::start(&stores).await?;
    alone(settings, &stores, &system).await?;
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

/// One command at a time beside one INSERT at a time, in turns: a machine is not as fast in one second as in the next. At
/// once after the one before, while what that one has set off is still being done; and when nothing else is under way.
async fn alone(settings: &Settings, stores: &Stores, system: &System) -> Result<(), Failure> {
    let url = stores.database("pgbench").await?;
    pgbench::prepare(&url).await?;
    let program = system::pgbench(settings.pgbench.as_ref());
    let (mut inserts, mut rested_inserts) = (Vec::new(), load::histogram());
    let (mut commands, mut rested) = (load::histogram(), load::histogram());
    let add = |sum: &mut Histogram<u64>, part: Histogram<u64>| {
        sum.add(part).map_err(|error| Failure::Worker(error.to_string()))
    };
    for _ in 0..TURNS {
        inserts.push(1000.0 / pgbench::inserts_per_second(&program, &url, 1, TURN).await?);
        let turn = Duration::from_secs(TURN);
        add(&mut commands, load::closed_loop(system.address, 1, turn, system.create()).await?.latency)?;
        system.drain().await?;
        let per_second = (1.0 / REST.as_secs_f64()) as u64;
        add(&mut rested_inserts, pgbench::paced_inserts(&program, &url, per_second, TURN).await?)?;
        add(&mut rested, load::at_rest(system.address, REST, turn, system.create()).await?.latency)?;
        system.drain().await?;
    }
    inserts.sort_by(f64::total_cmp);
    let millis = |of: &Histogram<u64>, quantile| of.value_at_quantile(quantile) as f64 / 1000.0;
    let insert = inserts[inserts.len() / 2];
    report::figure("one INSERT after the other", insert, "ms", None);
    let beside = Some(("one INSERT", insert));
    report::figure("one command after the other, p50", millis(&commands, 0.5), "ms", beside);
    report::figure("one command after the other, p99", millis(&commands, 0.99), "ms", None);
    let insert = millis(&rested_inserts, 0.5);
    report::figure("one INSERT at rest, p50", insert, "ms", None);
    report::figure("one command at rest, p50", millis(&rested, 0.5), "ms", Some(("one INSERT", insert)));
    report::figure("one command at rest, p99", millis(&rested, 0.99), "ms", None);
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
