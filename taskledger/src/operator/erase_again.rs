use std::path::PathBuf;

use clap::Args;
use command_api::{
    CommandApi,
    commands::{Caller, Who},
    oidc::OidcArgs,
    relay::StreamArgs,
    sealing::SealArgs,
};
use event_store::{Pressure, erased};
use service::{
    config::{ConfigError, HttpArgs, LogArgs},
    outbound::ReachArgs,
    process::Surroundings,
    shutdown::Shutdown,
};

use super::target::Target;
use crate::{error::Failure, say};

/// Settings of `erase-again`.
#[derive(Args, Clone, Debug)]
pub(crate) struct EraseAgain {
    /// The list that was kept outside the database (ERASED_FILE).
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Erases everybody of the list whom a restored backup has brought back; run as often as one likes.
pub(crate) async fn erase_again(arguments: EraseAgain) -> Result<(), Failure> {
    service::telemetry::init(Some(arguments.log.filter.as_deref().unwrap_or("warn")))?;
    let list = erased::read(&arguments.from).map_err(|error| ConfigError::Invalid(error.to_string()))?;
    let Target { event_store, nats, secret_key, .. } = arguments.target.clone().resolve()?;
    let (stream, seals, oidc) = (StreamArgs::default(), SealArgs::default(), OidcArgs::default());
    let reach = ReachArgs::default();
    let config = command_api::Config { event_store, nats, stream, seals, secret_key, oidc, reach };
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let surroundings = Surroundings { shutdown: shutdown.clone(), ..Surroundings::default() };
    let api = CommandApi::start(&config, &arguments.http, &surroundings, &Pressure::default()).await?;
    let again = tokio::select! {
        again = carry_out(&api, &list) => again,
        () = shutdown.begun() => Err(Failure::Interrupted),
    };
    shutdown.begin();
    shutdown.wait().await;
    say::text(&format!("{} erased, {} of them again.", list.len(), again?));
    Ok(())
}

async fn carry_out(api: &CommandApi, list: &[erased::Erased]) -> Result<usize, Failure> {
    let mut again = 0;
    for erased in list {
        let caller = Caller::internal(Who::System, "system");
        again += usize::from(api.auth.erase_again(&caller, erased.user).await.map_err(Failure::Log)?);
    }
    Ok(again)
}
