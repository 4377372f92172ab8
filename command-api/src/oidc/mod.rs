//! Logging in by outside providers: OpenID Connect, authorization code flow with PKCE.
//!
//! A login begins with a redirect to the provider and a sealed cookie that binds it to the browser ([`state`]). What comes
//! back is redeemed at the provider ([`exchange`]) and believed only after its signature and claims were checked
//! ([`id_token`]). This module says who somebody is there; who that is here is decided in [`crate::auth`].

mod config;
mod discovery;
mod error;
mod exchange;
mod flow;
mod id_token;
mod judge;
mod keys;
mod outbound;
mod provider;
mod state;

pub use config::{ClientAuth, InvalidProviders, OidcArgs, ProviderConfig, Providers};
pub use error::OidcError;
pub use flow::{Begun, Come, Returned};
pub use state::{Handover, Purpose, Wish};

pub(crate) use state::forget_used_states;

use std::sync::Arc;

use service::{
    config::{ConfigError, PublicUrl},
    outbound::Unusable,
    secrets::SecretKey,
};
use sqlx::PgPool;

use outbound::Outbound;
use provider::Provider;
use state::States;

/// The providers of an installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Oidc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    providers: Vec<Provider>,
    states: States,
    public_url: String,
    pool: PgPool,
}

impl Oidc {
    /// Asks nothing of the providers yet: one that does not answer is the trouble of those who want to come in by it.
    pub fn new(
        configured: &Providers,
        public_url: &PublicUrl,
        secret: &SecretKey,
        pool: PgPool,
    ) -> Result<Self, ConfigError> {
        let plain = configured.iter().find(|provider| provider.is_plain_http());
        if let Some(provider) = plain.filter(|_| !public_url.is_loopback()) {
            let id = &provider.id;
            let text = format!("provider {id}: http is for trying on one machine, issuer must be https");
            return Err(ConfigError::Invalid(text));
        }
        let provider = |config: &ProviderConfig| Ok(Provider::new(config.clone(), Outbound::new()?));
        let providers = configured.iter().map(provider).collect::<Result<_, Unusable>>();
        Ok(Self(Arc::new(Inner {
            providers: providers.map_err(|error| ConfigError::Invalid(error.to_string()))?,
            states: States::new(secret),
            public_url: public_url.as_str().to_owned(),
            pool,
        })))
    }

    /// What people choose from, in the order of the configuration.
    pub fn configured(&self) -> impl Iterator<Item = &ProviderConfig> {
        self.0.providers.iter().map(|provider| &provider.config)
    }

    fn provider(&self, id: &str) -> Result<&Provider, OidcError> {
        let named = self.0.providers.iter().find(|provider| provider.config.id == id);
        named.ok_or(OidcError::UnknownProvider)
    }

    /// Where this provider sends browsers back to: must be registered there.
    pub fn redirect_uri(&self, provider: &str) -> String {
        format!("{}/v1/auth/oidc/{provider}/callback", self.0.public_url)
    }
}
