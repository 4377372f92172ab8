//! Names become addresses once per connection, and only these are dialled.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::reach::Reach;

/// Finds the addresses of names.
pub trait Names: fmt::Debug + Send + Sync {
    /// All addresses of the name.
    fn look_up(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// As the system is set up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn look_up(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

tokio::task_local! {
    /// The port of the call under way, which a name does not say.
    pub(super) static PORT: u16;
}

/// Between a name and the connection stands the check.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) names: Arc<dyn Names>,
    pub(super) reach: Reach,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (looking_up, reach) = (self.names.look_up(name.as_str()), self.reach.clone());
        let port = PORT.try_with(|port| *port).ok();
        Box::pin(async move {
            let addresses = looking_up.await?;
            reach.check_resolved(name.as_str(), port, &addresses)?;
            // The port is that of the URL.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
