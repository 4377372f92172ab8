//! The three services in one process, on one port.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use command_api::{CommandApi, oidc::OidcArgs, relay::StreamArgs, sealing::SealArgs};
use event_store::Pressure;
use projections::{OutwardArgs, channels::email::mailbox, delivery::Delivery};
use service::config::{
    EventStoreArgs, HttpArgs, NatsArgs, PublicUrl, ReadModelArgs, SecretKeyArgs, TokenArgs,
};
use service::process::{BuildError, Surroundings};

use super::stores::Stores;
use crate::error::Failure;

/// What every service of the process gets.
pub(super) struct Process {
    pub(super) host: IpAddr,
    pub(super) http: HttpArgs,
    pub(super) stream: StreamArgs,
    pub(super) seals: SealArgs,
    pub(super) oidc: OidcArgs,
    pub(super) outward: OutwardArgs,
    pub(super) surroundings: Surroundings,
    pub(super) pressure: Pressure,
}

/// The settings that the services share.
struct Settings {
    event_store: EventStoreArgs,
    read_model: ReadModelArgs,
    nats: NatsArgs,
    secret_key: SecretKeyArgs,
    tokens: TokenArgs,
}

impl Settings {
    fn of(stores: &Stores, jwks_url: String) -> Self {
        Self {
            event_store: EventStoreArgs { event_store_url: Some(stores.event_store.clone()) },
            read_model: ReadModelArgs { read_model_url: Some(stores.read_model.clone()) },
            nats: NatsArgs { nats_url: Some(stores.nats.clone()) },
            secret_key: SecretKeyArgs { secret_key_file: Some(stores.secret_key_file.clone()) },
            tokens: TokenArgs { jwks_url: Some(jwks_url) },
        }
    }
}

impl Process {
    /// Starts the background work of all services and makes the routes of all.
    pub(super) async fn build(
        &self,
        stores: &Stores,
        own: &PublicUrl,
        jwks_url: String,
    ) -> Result<(CommandApi, Router), Failure> {
        let settings = Settings::of(stores, jwks_url);
        let commands = self.commands(&settings).await?;
        self.projections(&settings, own).await?;
        let router = commands.router().merge(self.queries(&settings).await?);
        let router = router.merge(self.mailbox(&settings)?.unwrap_or_default());
        Ok((commands, self.surroundings.finish(router, &self.http)))
    }

    async fn commands(&self, settings: &Settings) -> Result<CommandApi, Failure> {
        let config = command_api::Config {
            event_store: settings.event_store.clone(),
            nats: settings.nats.clone(),
            stream: self.stream.clone(),
            seals: self.seals.clone(),
            secret_key: settings.secret_key.clone(),
            oidc: self.oidc.clone(),
            reach: self.outward.outbound.reach.clone(),
        };
        Ok(command_api::build(&config, &self.http, &self.surroundings, &self.pressure).await?)
    }

    async fn projections(&self, settings: &Settings, own: &PublicUrl) -> Result<(), Failure> {
        let config = projections::Config {
            event_store: settings.event_store.clone(),
            read_model: settings.read_model.clone(),
            nats: settings.nats.clone(),
            secret_key: settings.secret_key.clone(),
        };
        let mut outward = self.outward.clone();
        outward.commands.command_api_url.get_or_insert_with(|| own.clone());
        Ok(projections::build(&config, &outward, &self.http, &self.surroundings, &self.pressure).await?)
    }

    async fn queries(&self, settings: &Settings) -> Result<Router, Failure> {
        let config = read_api::Config {
            event_store: settings.event_store.clone(),
            read_model: settings.read_model.clone(),
            nats: settings.nats.clone(),
            secret_key: settings.secret_key.clone(),
            tokens: settings.tokens.clone(),
            seal_keys: self.seals.keys.clone(),
        };
        Ok(read_api::build(&config, &self.http, &self.surroundings).await?)
    }

    /// Where mails can be read that nothing sends. They hold links for everybody, so only where nobody else comes in.
    fn mailbox(&self, settings: &Settings) -> Result<Option<Router>, Failure> {
        if !self.has_mailbox() {
            return Ok(None);
        }
        let delivery = Delivery::new(settings.read_model.url()?.expose()).map_err(BuildError::Database)?;
        Ok(Some(mailbox::router(&delivery)))
    }

    /// No mail leaves, this machine alone is listened to, and no proxy has given it another name.
    pub(super) fn has_mailbox(&self) -> bool {
        self.outward.email.smtp_url.is_none() && self.host.is_loopback() && self.http.public_url.is_loopback()
    }

    /// Serves `/metrics`, if that is wished.
    pub(super) async fn serve_metrics(&self, address: Option<SocketAddr>) -> Result<(), Failure> {
        let Some(address) = address else { return Ok(()) };
        let serving = self.surroundings.serve_metrics(address).await;
        serving.map_err(|source| Failure::Listen { address, source })
    }
}
