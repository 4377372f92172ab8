//! Logins at full speed, and what plain queries feel of their hashing.

use std::{sync::Arc, time::Duration};

use crate::{
    Failure, Settings,
    load::{self, Connection, MakeRequest},
    report,
    system::{Stores, System, get},
};

/// Queries per second, alone and beside the logins.
const QUERIES: f64 = 500.0;
/// People who log in at a time.
const LOGINS: usize = 8;

/// Queries alone, then beside logins.
pub(crate) async fn logins(settings: &Settings) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    let system = System::start(&stores).await?;
    let mut connection = Connection::open(system.address).await?;
    connection.send((system.create())(0)).await?;
    system.drain().await?;

    let token = system.token.clone();
    let list: MakeRequest = Arc::new(move |_| get(&token, "/v1/tasks?page_size=20"));
    let duration = Duration::from_secs(settings.seconds);
    let queries = || load::open_loop(system.address, settings.connections, QUERIES, duration, list.clone());
    let alone = queries().await?;
    report::run("task list, alone", &alone, None);
    let logins = load::closed_loop(system.address, LOGINS, duration, system.login());
    let (logins, beside) = tokio::join!(logins, queries());
    let (logins, beside) = (logins?, beside?);
    report::run("logins", &logins, None);
    report::run("task list, beside logins", &beside, None);
    report::figure(
        "task list beside logins, p99",
        beside.millis(0.99),
        "ms",
        Some(("alone", alone.millis(0.99))),
    );
    system.stop().await?;
    stores.stop().await;
    Ok(())
}
