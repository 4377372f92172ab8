//! The settings that several services share; flatten what a service needs into its own struct.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;

use super::{ConfigError, DatabaseUrl, NatsUrl, PublicUrl, Span};
use crate::{
    auth::{KeySource, Revocations, Verifier},
    health::Health,
    http::{Edge, Limits, Origin, RateLimits, Rates},
    metrics::Metrics,
    node::{Node, NodeName},
    request::Network,
    secrets::{SecretKey, SecretKeyError},
    shutdown::Shutdown,
};

/// The audience of access tokens.
const AUDIENCE: &str = "taskledger";

/// Where the log is.
#[derive(Args, Clone, Debug, Default)]
pub struct EventStoreArgs {
    /// Postgres with the event store, `postgres://user:password@host:port/database`.
    #[arg(long, env = "EVENT_STORE_URL", value_name = "URL", hide_env_values = true)]
    pub event_store_url: Option<DatabaseUrl>,
}

impl EventStoreArgs {
    /// The address, or the error that names the setting.
    pub fn url(&self) -> Result<&DatabaseUrl, ConfigError> {
        self.event_store_url.as_ref().ok_or(ConfigError::Missing("EVENT_STORE_URL"))
    }
}

/// Where the read model is.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadModelArgs {
    /// Postgres with the read model; may be the same database as the event store's.
    #[arg(long, env = "READ_MODEL_URL", value_name = "URL", hide_env_values = true)]
    pub read_model_url: Option<DatabaseUrl>,
}

impl ReadModelArgs {
    /// The address, or the error that names the setting.
    pub fn url(&self) -> Result<&DatabaseUrl, ConfigError> {
        self.read_model_url.as_ref().ok_or(ConfigError::Missing("READ_MODEL_URL"))
    }
}

/// Where NATS is.
#[derive(Args, Clone, Debug, Default)]
pub struct NatsArgs {
    /// NATS with JetStream, `nats://host:4222`; several servers separated by commas.
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<NatsUrl>,
}

impl NatsArgs {
    /// The address, or the error that names the setting.
    pub fn url(&self) -> Result<&NatsUrl, ConfigError> {
        self.nats_url.as_ref().ok_or(ConfigError::Missing("NATS_URL"))
    }
}

/// The installation's secret.
#[derive(Args, Clone, Debug, Default)]
pub struct SecretKeyArgs {
    /// File with 64 hexadecimal digits, the same for all services: page tokens, TOTP and subject keys hang on it.
    #[arg(long, env = "TASKLEDGER_SECRET_KEY_FILE", value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,
}

impl SecretKeyArgs {
    /// Reads the file.
    pub fn read(&self) -> Result<SecretKey, ConfigError> {
        let path = self.secret_key_file.as_ref().ok_or(ConfigError::Missing("TASKLEDGER_SECRET_KEY_FILE"))?;
        SecretKey::read(path).map_err(|error: SecretKeyError| ConfigError::Invalid(error.to_string()))
    }
}

/// How access tokens are verified.
#[derive(Args, Clone, Debug, Default)]
pub struct TokenArgs {
    /// Where the public keys for access tokens are; by default below PUBLIC_URL.
    #[arg(long, env = "JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,
}

impl TokenArgs {
    /// A verifier for tokens that the installation at `public_url` issues.
    pub fn verifier(&self, public_url: &PublicUrl, revocations: &Revocations) -> Verifier {
        let default = || format!("{public_url}/.well-known/jwks.json");
        let url = self.jwks_url.clone().unwrap_or_else(default);
        Verifier::new(KeySource::Url(url), public_url.as_str(), AUDIENCE, revocations.clone())
    }
}

/// How the process meets its clients.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// What links in answers and mails begin with.
    #[arg(long, env = "PUBLIC_URL", value_name = "URL", default_value = "http://localhost:8080")]
    pub public_url: PublicUrl,
    /// Origins whose pages may call the API, separated by commas.
    #[arg(long, env = "CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,
    /// Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "TRUSTED_PROXIES", value_name = "NETWORKS", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// How long an answer may take to begin; afterwards the client gets 504.
    #[arg(long, env = "REQUEST_TIMEOUT", value_name = "SPAN", default_value = "30s")]
    pub request_timeout: Span,
    /// Requests that a client may send, by person (read, write) and by address (login, refresh), and streams that a person may
    /// have open at a time, or `off`. Each process counts for itself; what is left out stays as it is.
    #[arg(long, env = "RATE_LIMITS", value_name = "RATES", default_value_t = RateLimits::default())]
    pub rate_limits: RateLimits,
    /// Where /metrics is served; nowhere by default.
    #[arg(long, env = "METRICS_ADDR", value_name = "ADDRESS")]
    pub metrics_addr: Option<SocketAddr>,
    /// Connections at a time.
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "N", default_value_t = 16_384)]
    pub max_connections: usize,
    /// Connections at a time from one address.
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 1_024)]
    pub max_connections_per_address: usize,
}

impl HttpArgs {
    /// Bounds for [`crate::http::serve`].
    pub fn limits(&self) -> Limits {
        Limits {
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            trusted_proxies: self.trusted_proxies.iter().copied().collect(),
            ..Limits::default()
        }
    }

    /// The origins whose pages may use cookies: that of PUBLIC_URL and CORS_ORIGINS.
    pub fn origins(&self) -> Vec<Origin> {
        self.public_url.origin().into_iter().chain(self.cors_origins.iter().cloned()).collect()
    }

    /// What [`crate::http::finish`] needs.
    pub fn edge(&self, health: Health, metrics: Metrics, shutdown: Shutdown) -> Edge {
        Edge {
            public_url: Arc::from(self.public_url.as_str()),
            trusted_proxies: self.trusted_proxies.iter().copied().collect(),
            cors_origins: self.cors_origins.clone(),
            request_timeout: self.request_timeout.0,
            rates: (self.rate_limits != RateLimits::OFF).then(|| Rates::new(self.rate_limits)),
            health,
            metrics,
            shutdown,
        }
    }
}

/// Which process it is.
#[derive(Args, Clone, Debug, Default)]
pub struct NodeArgs {
    /// What records of the audit call this process; by default the machine's name.
    #[arg(long, env = "NODE_NAME", value_name = "NAME")]
    pub node_name: Option<NodeName>,
}

impl NodeArgs {
    /// The process.
    pub fn node(&self) -> Node {
        self.node_name.as_ref().map(Node::named).unwrap_or_default()
    }
}

/// What is logged.
#[derive(Args, Clone, Debug, Default)]
pub struct LogArgs {
    /// Levels per module, `info,command_api=debug`.
    #[arg(long = "log", env = "RUST_LOG", value_name = "FILTER")]
    pub filter: Option<String>,
}
