//! What sealing costs those who append, and how fast a log is verified.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::{
    Failure, Settings, load, report,
    system::{Stores, System},
};

/// Sealing is off, or never gives way to commands.
const WITHOUT: [(&str, &str); 2] = [("SEAL_AFTER", "0s"), ("BURST_LAG", "0s")];
const WITH: [(&str, &str); 2] = [("SEAL_AFTER", "10s"), ("BURST_LAG", "0s")];
const PATIENCE: Duration = Duration::from_secs(600);

/// Creates at full speed without and with seals, twice each in turns, then `verify` over what was sealed.
pub(crate) async fn seals(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let (mut without, mut with) = (0.0_f64, 0.0_f64);
    for round in 1..=2 {
        let system = System::start_with(&stores, &format!("unsealed_{round}"), &WITHOUT).await?;
        without = without.max(creates(&system, settings).await?);
        system.stop().await?;
        let system = System::start_with(&stores, &format!("sealed_{round}"), &WITH).await?;
        with = with.max(creates(&system, settings).await?);
        if round == 2 {
            verified(&system).await?;
        }
        system.stop().await?;
    }
    report::figure("creates without seals, the better of two", without, "/s", None);
    report::figure("creates with seals, the better of two", with, "/s", Some(("without", without)));
    stores.stop().await;
    Ok(())
}

async fn creates(system: &System, settings: &Settings) -> Result<f64, Failure> {
    let duration = Duration::from_secs(settings.seconds);
    let run = load::closed_loop(system.address, settings.connections, duration, system.create()).await?;
    system.drain().await?;
    Ok(run.rate())
}

async fn verified(system: &System) -> Result<(), Failure> {
    let waiting = std::time::Instant::now();
    let events = loop {
        let (head, sealed) = standing(&system.url).await?;
        if sealed > head - 1000 {
            break head;
        }
        if waiting.elapsed() > PATIENCE {
            return Err(Failure::NotReady("the last seal"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    report::figure("sealed after the load had ended", waiting.elapsed().as_secs_f64(), "s", None);
    let took = system.operate(&["verify"]).await?;
    report::figure(
        "verify, with the start of the program",
        events as f64 / took.as_secs_f64(),
        "events/s",
        None,
    );
    Ok(())
}

/// The last position, and the last that is sealed.
async fn standing(url: &str) -> Result<(i64, i64), Failure> {
    const SQL: &str = "SELECT (SELECT max(position) FROM event_store.events), \
         (SELECT coalesce(max(last), 0) FROM event_store.seals WHERE log = 'events')";
    let mut connection = PgConnection::connect(url).await?;
    Ok(sqlx::query_as(SQL).fetch_one(&mut connection).await?)
}
