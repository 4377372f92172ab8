use clap::Args;

use super::target::Target;
use crate::{error::Failure, say};

/// Settings of `migrate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Migrate {
    #[command(flatten)]
    target: Target,
}

/// Brings both schemas up to date; the URLs must log in as their owner.
pub(crate) async fn migrate(arguments: Migrate) -> Result<(), Failure> {
    let target = arguments.target.resolve()?;
    let (event_store, read_model) = (target.event_store.url()?.expose(), target.read_model.url()?.expose());
    servers::check_postgres("EVENT_STORE_URL", event_store).await?;
    servers::check_postgres("READ_MODEL_URL", read_model).await?;
    bring_up_to_date(event_store, read_model).await?;
    say::text("event store and read model are up to date");
    Ok(())
}

/// Runs the migrations that have not run.
pub(crate) async fn bring_up_to_date(event_store: &str, read_model: &str) -> Result<(), Failure> {
    event_store::migrate(event_store).await.map_err(Failure::EventStore)?;
    Ok(projections::migrate(read_model).await?)
}
