//! The highest rate at which the projections keep up.

use std::time::{Duration, Instant};

use crate::{
    Failure, Settings, load, report,
    system::{Peer, Stores, System},
};

/// Each rate tried is this share of the one before.
const STEP: f64 = 0.92;

/// No lower rate is tried, per second.
const LOWEST: f64 = 100.0;

/// A rate must first hold for so long before it is tried for the whole time.
const FIRST_TRY: Duration = Duration::from_secs(10);

/// The naive stack, then falling rates until the lag stays under a second for the whole time.
pub(crate) async fn sustained(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let naive = Peer::creates(&stores, "naive", settings).await?;
    report::run("naive peer, creates", &naive, None);
    let system = System::start(&stores).await?;
    let warm = load::closed_loop(system.address, settings.connections, FIRST_TRY, system.create()).await?;
    report::run("burst of ten seconds", &warm, Some(("naive", naive.rate())));
    let mut rate = warm.rate();
    while rate > LOWEST {
        system.drain().await?;
        let whole = Duration::from_secs(settings.seconds);
        if keeps_up(&system, settings, rate, FIRST_TRY).await?
            && keeps_up(&system, settings, rate, whole).await?
        {
            report::figure("sustained creates, lag under 1 s", rate, "/s", Some(("naive", naive.rate())));
            break;
        }
        report::figure("  falls behind at", rate, "/s", None);
        rate *= STEP;
    }
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn keeps_up(
    system: &System,
    settings: &Settings,
    rate: f64,
    duration: Duration,
) -> Result<bool, Failure> {
    let load = load::open_loop(system.address, settings.connections, rate, duration, system.create());
    tokio::select! {
        run = load => {
            let run = run?;
            report::run(&format!("  at {rate:.0}/s"), &run, None);
            Ok(run.rate() > 0.95 * rate)
        }
        behind = falls_behind(system, duration) => behind.map(|()| false),
    }
}

/// Returns as soon as the slowest projection is more than a second behind.
async fn falls_behind(system: &System, duration: Duration) -> Result<(), Failure> {
    let until = Instant::now() + 2 * duration;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if system.lag().await?.1 > 1.0 {
            break;
        }
    }
    Ok(())
}
