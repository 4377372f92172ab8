//! The highest rate at which the projections keep up.

use std::time::{Duration, Instant};

use crate::{
    Failure, Settings, load, report,
    system::{Stores, System},
};

/// Shares of the burst rate that are tried, from the highest down.
const SHARES: [f64; 8] = [0.9, 0.75, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];

/// Tries falling rates until the lag stays under a second for the whole time.
pub(crate) async fn sustained(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let system = System::start(&stores).await?;
    let warm =
        load::closed_loop(system.address, settings.connections, Duration::from_secs(5), system.create())
            .await?;
    report::run("burst of five seconds", &warm, None);
    system.drain().await?;
    for share in SHARES {
        let rate = warm.rate() * share;
        if keeps_up(&system, settings, rate).await? {
            report::figure("sustained creates, lag under 1 s", rate, "/s", Some(("burst", warm.rate())));
            break;
        }
        report::figure("  falls behind at", rate, "/s", None);
        system.drain().await?;
    }
    system.stop().await?;
    stores.stop().await;
    Ok(())
}

async fn keeps_up(system: &System, settings: &Settings, rate: f64) -> Result<bool, Failure> {
    let duration = Duration::from_secs(settings.seconds);
    let load = load::open_loop(system.address, settings.connections, rate, duration, system.create());
    let watch = async {
        let until = Instant::now() + duration;
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if system.lag().await?.1 > 1.0 {
                return Ok::<_, Failure>(false);
            }
        }
        Ok(true)
    };
    let (run, kept) = tokio::join!(load, watch);
    let run = run?;
    report::run(&format!("  at {rate:.0}/s"), &run, None);
    Ok(kept? && run.rate() > 0.95 * rate)
}
