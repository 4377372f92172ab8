//! Creates per second at full speed.

use std::time::Duration;

use crate::{
    Failure, Settings, load,
    peers::pgbench,
    report,
    system::{self, Peer, Stores, System},
};

/// pgbench, both peers, ours, and pgbench again, one after the other on one Postgres: a machine that others use too may be
/// half as fast a minute later.
pub(crate) async fn burst(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let url = stores.database("pgbench").await?;
    pgbench::prepare(&url).await?;
    let before = inserts(&url, settings, "before").await?;
    let naive = peer(&stores, "naive", settings, before).await?;
    let bare = peer(&stores, "bare", settings, before).await?;

    let system = System::start(&stores).await?;
    report::figure("started, to ready", system.ready_after.as_secs_f64() * 1000.0, "ms", None);
    memory(&system, "idle");
    let run =
        load::closed_loop(system.address, settings.connections, seconds(settings), system.create()).await?;
    report::run("taskledger, durable authenticated creates", &run, None);
    report::figure("  beside the naive stack", run.rate(), "/s", Some(("naive", naive)));
    report::figure("  beside the bare handler", run.rate(), "/s", Some(("bare", bare)));
    let (behind, _) = system.lag().await?;
    report::figure("  lag at the end", behind as f64, "events", None);
    report::figure("  drained after", system.drain().await?.as_secs_f64(), "s", None);
    memory(&system, "after load");
    system.stop().await?;
    let after = inserts(&url, settings, "after").await?;
    let insert = (before + after) / 2.0;
    report::figure("  beside one INSERT before and after", run.rate(), "/s", Some(("one INSERT", insert)));
    stores.stop().await;
    Ok(())
}

/// The best rate of so many clients.
async fn inserts(url: &str, settings: &Settings, when: &str) -> Result<f64, Failure> {
    let program = system::pgbench(settings.pgbench.as_ref());
    let mut best: f64 = 0.0;
    for clients in [1, 32, 64] {
        let rate = pgbench::inserts_per_second(&program, url, clients, settings.seconds.min(10)).await?;
        report::figure(&format!("pgbench {when}, one INSERT each, {clients} clients"), rate, "/s", None);
        best = best.max(rate);
    }
    Ok(best)
}

async fn peer(stores: &Stores, name: &str, settings: &Settings, insert: f64) -> Result<f64, Failure> {
    let run = Peer::creates(stores, name, settings).await?;
    report::run(&format!("{name} peer, creates"), &run, Some(("one INSERT", insert)));
    Ok(run.rate())
}

fn memory(system: &System, when: &str) {
    if let Some(resident) = system.resident_mib() {
        report::figure(&format!("resident memory, {when}"), resident, "MiB", None);
    }
}

fn seconds(settings: &Settings) -> Duration {
    Duration::from_secs(settings.seconds)
}
