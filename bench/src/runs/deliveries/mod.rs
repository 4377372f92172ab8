//! What goes out: how much of it, how soon, and whom one that hangs holds up.

mod channels;
mod hanging;
mod hooks;

use crate::{Failure, Settings, system::Stores};

/// Each channel as fast as it goes, webhooks at a modest rate, then some endpoints that hang.
pub(crate) async fn deliveries(
    settings: &Settings,
    deliveries: u64,
    endpoints: u64,
    rate: f64,
) -> Result<(), Failure> {
    let stores = Stores::start().await?;
    channels::webhooks(&stores, settings, deliveries).await?;
    channels::mails(&stores, settings, deliveries).await?;
    channels::core_system(&stores, settings, deliveries).await?;
    hanging::hanging(&stores, settings, endpoints, rate).await?;
    stores.stop().await;
    Ok(())
}
