use clap::Args;
use command_api::relay::StreamArgs;
use event_store::stream::StreamError;
use event_store::{Log, Role, connect_options, stream};
use service::metrics::Metrics;
use sqlx::postgres::PgPoolOptions;

use super::target::Target;
use crate::{error::Failure, say};

/// Settings of `reseed`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Reseed {
    /// The first position that the new stream holds; by default as many of the newest events as it may keep.
    #[arg(long, value_name = "POSITION")]
    from: Option<i64>,
    /// As the services have it that run.
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    target: Target,
}

/// Deletes the JetStream stream and creates it anew; the relay fills it, followers read the log meanwhile.
pub(crate) async fn reseed(arguments: Reseed) -> Result<(), Failure> {
    let target = arguments.target.resolve()?;
    let options = connect_options(target.event_store.url()?.expose(), Role::Command)?;
    let log = Log::connect(PgPoolOptions::new().max_connections(1).connect_lazy_with(options));
    let client = service::nats::connect(target.nats.url()?, "reseed", &Metrics::default()).await;
    let client = client.map_err(|error| StreamError::Unavailable(error.into()))?;
    let jetstream = async_nats::jetstream::new(client);
    let first = stream::reseed(&log, jetstream, &arguments.stream.config(), arguments.from).await?;
    say::text(&format!("the stream {} is new and begins with position {first}", stream::NAME));
    Ok(())
}
