//! Creates on a system that somebody else started, to look at it meanwhile.

use std::{net::SocketAddr, time::Duration};

use crate::{Failure, Settings, load as generator, report, system};

/// A closed loop, or an open one at `rate`.
pub(crate) async fn load(
    settings: &Settings,
    address: SocketAddr,
    token: &str,
    rate: Option<f64>,
) -> Result<(), Failure> {
    let duration = Duration::from_secs(settings.seconds);
    let create = system::create(token);
    let run = match rate {
        None => generator::closed_loop(address, settings.connections, duration, create).await?,
        Some(rate) => generator::open_loop(address, settings.connections, rate, duration, create).await?,
    };
    report::run("creates", &run, None);
    Ok(())
}
