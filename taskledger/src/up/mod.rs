//! `up`: everything in one process, on a machine where nothing is prepared.

mod arguments;
mod banner;
mod services;
mod stores;

use std::net::SocketAddr;

use event_store::Pressure;
use service::{
    config::{ConfigError, InvalidUrl, PublicUrl},
    process::Surroundings,
    shutdown::Shutdown,
};
use tokio::net::TcpListener;

pub(crate) use arguments::Up;

use crate::{admin::FirstAdmin, demo, error::Failure, say};
use services::Process;
use stores::Stores;

/// What is logged where `RUST_LOG` says nothing: whoever starts it by hand reads the banner.
const QUIET: &str = "warn,command_api::relay=error";

/// Starts everything, serves until ctrl-c and stops everything that it started.
pub(crate) async fn run(arguments: Up) -> Result<(), Failure> {
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    service::telemetry::init(Some(arguments.log.filter.as_deref().unwrap_or(QUIET)))?;
    service::files::allow(arguments.http.max_connections);
    // Before anything is started: a taken port is the commonest mistake.
    let listener = listen(arguments.address()).await?;
    let stores = tokio::select! {
        stores = Stores::open(&arguments) => stores?,
        () = shutdown.begun() => return Ok(()),
    };
    let outcome = serve(&arguments, listener, &stores, &shutdown).await;
    shutdown.begin();
    if !shutdown.wait().await {
        tracing::warn!("not everything ended in time");
    }
    stores.close().await;
    outcome
}

async fn serve(
    arguments: &Up,
    listener: TcpListener,
    stores: &Stores,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    stores.migrate().await?;
    let port = listener.local_addr()?.port();
    let http = arguments.http(port)?;
    let public_url = http.public_url.to_string();
    let process = Process {
        host: arguments.host,
        http,
        stream: arguments.stream.clone(),
        seals: stores.seals(&arguments.seals),
        oidc: arguments.oidc.clone(),
        outward: arguments.outward.clone(),
        surroundings: Surroundings {
            node: arguments.node.node(),
            shutdown: shutdown.clone(),
            ..Surroundings::default()
        },
        pressure: Pressure::new(arguments.burst_lag.0),
    };
    process.serve_metrics(process.http.metrics_addr).await?;
    // Its own keys, whatever name the world knows it by.
    let own = format!("http://127.0.0.1:{port}");
    let own: PublicUrl = own.parse().map_err(|error: InvalidUrl| ConfigError::Invalid(error.to_string()))?;
    let jwks_url = format!("{own}/.well-known/jwks.json");
    let (commands, router) = process.build(stores, &own, jwks_url.clone()).await?;
    if arguments.demo {
        let added = demo::add(&commands.commands, chrono::Utc::now()).await?;
        say::text(&format!("demo: {added} tasks added"));
    }
    let admin = FirstAdmin::ensure(&arguments.admin, &commands).await?;
    let _file = stores.tell(&public_url, &jwks_url, &process.seals)?;
    let limits = process.http.limits();
    let serving = service::http::serve(listener, router, limits, shutdown.clone());
    say::text(&banner::text(&public_url, &admin, &process.http.rate_limits, process.has_mailbox()));
    tokio::select! {
        served = serving => Ok(served?),
        (server, words) = stores.failed() => Err(Failure::ServerEnded(server, words)),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Failure::PortTaken(address),
        _ => Failure::Listen { address, source },
    })
}
