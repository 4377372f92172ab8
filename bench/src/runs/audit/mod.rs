//! What auditors ask, of a log as long as a large installation has after a year.

mod fill;
mod questions;
mod sample;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::Request;
use sqlx::{Connection, PgConnection};

use self::questions::Known;
use crate::{
    Failure, Settings,
    load::{self, MakeRequest},
    report,
    system::{Peer, Stores, System, get},
};

/// Nothing is sealed while it is measured: what was copied was not sealed by anybody.
const UNSEALED: [(&str, &str); 1] = [("SEAL_AFTER", "0s")];
/// A question that takes long is asked so often at least.
const ASKED_AT_LEAST: u64 = 20;

/// Makes a sample, copies it into a long log, and asks.
pub(crate) async fn audit(
    settings: &Settings,
    events: u64,
    rebuild: bool,
    stay: bool,
) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let mut system = System::start_with(&stores, "bench_audit", &UNSEALED).await?;
    sample::make(&system).await?;
    system.drain().await?;
    sample::copied(&system).await?;
    let started = Instant::now();
    system.pause().await?;
    let head = fill::fill(&system.url, events).await?;
    report::figure("events", head as f64, "", None);
    report::figure("filled after", started.elapsed().as_secs_f64(), "s", None);
    system.operate(&["reseed", "--from", &(head + 1).to_string()]).await?;
    system.resume(&stores, &UNSEALED).await?;
    system.drain().await?;
    if rebuild {
        let took = system.operate(&["rebuild", "audit", "--accept-differences"]).await?;
        report::figure("rebuild of audit", head as f64 / took.as_secs_f64(), "events/s", None);
        system.log_in_anew().await?;
    }
    report::figure("space", fill::gibibytes(&system.url).await?, "GiB", None);
    ask(settings, &mut system).await?;
    if stay {
        report::line(&system.url);
        tokio::signal::ctrl_c().await?;
    }
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn ask(settings: &Settings, system: &mut System) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(&system.url).await?;
    let known = Arc::new(Known::read(&mut connection).await?);
    let bare = by_id(settings, system, &known).await?;
    for question in questions::QUESTIONS {
        let token = sample::auditor(system).await?;
        let (known, path) = (known.clone(), question.path);
        let ask: MakeRequest = Arc::new(move |number| get(&token, &path(&known, number)));
        let duration = Duration::from_secs(settings.seconds.min(10));
        let run = load::for_so_long(system.address, 1, duration, ASKED_AT_LEAST, ask).await?;
        for (name, quantile, bare) in [("p50", 0.5, bare.0), ("p95", 0.95, bare.1), ("p99", 0.99, bare.2)] {
            let against = format!("SELECT by id, {name}");
            let name = format!("{}, {name}", question.name);
            report::figure(&name, run.millis(quantile), "ms", Some((&against, bare)));
        }
        if run.refused > 0 {
            report::figure(&format!("{}, refused", question.name), run.refused as f64, "answers", None);
        }
    }
    Ok(())
}

/// p50, p95 and p99 of a bare handler with a SELECT by id, one request at a time.
async fn by_id(settings: &Settings, system: &System, known: &Arc<Known>) -> Result<(f64, f64, f64), Failure> {
    let peer = Peer::start("select", &system.url).await?;
    let known = known.clone();
    let select: MakeRequest = Arc::new(move |number| {
        let path = format!("/{}", known.task(number).id);
        Request::get(path).header("host", "localhost").body(Full::default()).expect("valid")
    });
    let duration = Duration::from_secs(settings.seconds.min(10));
    let run = load::closed_loop(peer.address, 1, duration, select).await?;
    report::run("bare handler, SELECT by id", &run, None);
    Ok((run.millis(0.5), run.millis(0.95), run.millis(0.99)))
}
