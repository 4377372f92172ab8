use clap::Args;
use command_api::{CommandApi, Config, oidc::OidcArgs, relay::StreamArgs, sealing::SealArgs};
use event_store::Pressure;
use service::{config::HttpArgs, outbound::ReachArgs, process::Surroundings};

use super::target::Target;
use crate::admin::{AdminArgs, FirstAdmin};
use crate::{error::Failure, say};

/// Settings of `first-admin`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MakeFirstAdmin {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    target: Target,
}

/// Makes the first admin of an installation whose services run apart.
pub(crate) async fn first_admin(arguments: MakeFirstAdmin) -> Result<(), Failure> {
    let Target { event_store, nats, secret_key, .. } = arguments.target.resolve()?;
    let (stream, seals, oidc) = (StreamArgs::default(), SealArgs::default(), OidcArgs::default());
    let config = Config { event_store, nats, stream, seals, secret_key, oidc, reach: ReachArgs::default() };
    let surroundings = Surroundings::default();
    let commands = CommandApi::start(&config, &arguments.http, &surroundings, &Pressure::default()).await?;
    let made = FirstAdmin::ensure(&arguments.admin, &commands).await;
    surroundings.shutdown.begin();
    surroundings.shutdown.wait().await;
    say::text(&match made? {
        FirstAdmin::Invented { email, password } => {
            format!("{email} with password {password} (shown only now)")
        }
        FirstAdmin::Given { email } => format!("{email} with the password that you gave"),
        FirstAdmin::Known { email } => format!("{email} was there before"),
        FirstAdmin::Other => "there is an admin of another address already".to_owned(),
    });
    Ok(())
}
