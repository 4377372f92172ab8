//! How many may listen to the events, what each of them costs, and how soon they hear.

mod sample;
mod streams;

use std::time::{Duration, Instant};

use self::streams::Streams;
use crate::{
    Failure, Settings, load, report,
    system::{Stores, System},
};

/// Those beside whom the many are judged.
const FEW: usize = 100;
/// Connections that are no streams.
const SPARE: usize = 256;
/// As many as one process takes where nothing is set.
const USUAL: usize = 16_384;
/// What has happened is over by then.
const REST: Duration = Duration::from_secs(5);
/// So long nothing more is heard, and nothing more will be.
const SILENCE: Duration = Duration::from_secs(15);

/// Creates at a fixed rate while few listen, and again while many do.
pub(crate) async fn subscribers(settings: &Settings, count: usize, rate: f64) -> Result<(), Failure> {
    let files = streams::allow_files()?;
    if files < (count + SPARE) as u64 {
        return Err(Failure::Answer(format!("open files are limited to {files}, as `ulimit -Hn` says")));
    }
    let stores = Stores::start().await?;
    let most = [("MAX_CONNECTIONS", (count + SPARE).max(USUAL).to_string())];
    let system = System::start_with(&stores, "bench_subscribers", &most).await?;
    let run = Round { system: &system, settings, rate };
    let few = FEW.min(count);
    let mut streams = Streams::default();
    streams.open(&system, few).await?;
    // The first seconds of a process are no measure.
    run.round(&mut streams, None).await?;
    let reference = run.round(&mut streams, Some("few")).await?;
    let before = run.resident(few).await;
    let opening = Instant::now();
    streams.open(&system, count - few).await?;
    report::figure("streams opened", (count - few) as f64 / opening.elapsed().as_secs_f64(), "/s", None);
    run.memory("at rest", few, count, before).await;
    run.at_rest(count).await;
    let many = run.round(&mut streams, Some("many")).await?;
    run.memory("after the load", few, count, before).await;
    report::figure("commit → received, many, p50", many.0, "ms", Some(("few", reference.0)));
    report::figure("commit → received, many, p99", many.1, "ms", Some(("few", reference.1)));
    report::figure("streams still open", streams.open_now() as f64, "", None);
    for (reason, count) in streams.ends() {
        report::figure(&format!("streams cut off, {reason}"), count as f64, "", None);
    }
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

struct Round<'a> {
    system: &'a System,
    settings: &'a Settings,
    rate: f64,
}

impl Round<'_> {
    /// Creates at the rate, heard by all; commit → received in milliseconds, p50 and p99.
    async fn round(&self, streams: &mut Streams, name: Option<&str>) -> Result<(f64, f64), Failure> {
        let Self { system, settings, rate } = *self;
        let duration = Duration::from_secs(if name.is_some() { settings.seconds } else { 2 });
        streams.begin_anew();
        let (listening, cpu, begun) = (streams.open_now(), system.cpu_seconds(), Instant::now());
        let connections = settings.connections.min(8);
        let run = load::open_loop(system.address, connections, rate, duration, system.create()).await?;
        let took = heard(streams, run.accepted, begun).await?;
        if let Some(name) = name {
            let name = format!("{name}: {listening} streams, {rate}/s");
            report::run(&format!("{name}, creates"), &run, None);
            let heard = streams.heard() as f64;
            report::figure(&format!("{name}, events delivered"), heard / took, "/s", None);
            let expected = (run.accepted * listening) as f64;
            report::figure(
                &format!("{name}, heard of what was to be heard"),
                100.0 * heard / expected,
                "%",
                None,
            );
            if let (Some(before), Some(after)) = (cpu, system.cpu_seconds()) {
                report::figure(&format!("{name}, CPU of the server"), (after - before) / took, "cores", None);
            }
            report::figure(&format!("{name}, p50"), streams.millis(0.5), "ms", None);
            report::figure(&format!("{name}, p99"), streams.millis(0.99), "ms", None);
        }
        Ok((streams.millis(0.5), streams.millis(0.99)))
    }

    /// MiB at rest.
    async fn resident(&self, listening: usize) -> Option<f64> {
        tokio::time::sleep(REST).await;
        let resident = self.system.resident_mib();
        if let Some(resident) = resident {
            report::figure(&format!("resident memory, {listening} streams"), resident, "MiB", None);
        }
        resident
    }

    async fn memory(&self, when: &str, few: usize, count: usize, before: Option<f64>) {
        if let (Some(before), Some(now)) = (before, self.resident(count).await) {
            let each = (now - before) * 1024.0 / (count - few).max(1) as f64;
            report::figure(&format!("memory of a stream, {when}"), each, "KiB", None);
        }
    }

    /// What it costs that somebody listens while nothing happens.
    async fn at_rest(&self, count: usize) {
        let (before, begun) = (self.system.cpu_seconds(), Instant::now());
        tokio::time::sleep(REST).await;
        if let (Some(before), Some(after)) = (before, self.system.cpu_seconds()) {
            let name = format!("{count} streams and nothing to say, CPU of the server");
            report::figure(&name, (after - before) / begun.elapsed().as_secs_f64(), "cores", None);
        }
    }
}

/// Waits until all that are still there have heard of everything; seconds since the beginning.
async fn heard(streams: &Streams, events: u64, begun: Instant) -> Result<f64, Failure> {
    let (mut heard, mut since) = (0, Instant::now());
    while heard < events * streams.open_now() {
        let now = streams.heard();
        if now > heard {
            (heard, since) = (now, Instant::now());
        } else if since.elapsed() > SILENCE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if heard == 0 && events > 0 {
        return Err(Failure::Answer("nobody has heard anything".to_owned()));
    }
    Ok((since - begun).as_secs_f64())
}
