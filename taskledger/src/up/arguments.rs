use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use command_api::{oidc::OidcArgs, relay::StreamArgs, sealing::SealArgs};
use projections::OutwardArgs;
use servers::Which;
use service::config::{
    ConfigError, EventStoreArgs, HttpArgs, InvalidUrl, LogArgs, NatsArgs, NodeArgs, ReadModelArgs, Span,
};

use crate::admin::AdminArgs;

/// The default of PUBLIC_URL.
const DEFAULT_URL: &str = "http://localhost:8080";

/// Settings of `up`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Up {
    /// Where private servers keep their data, and the secret key is.
    #[arg(long, env = "TASKLEDGER_DATA_DIR", value_name = "DIRECTORY", default_value = ".taskledger")]
    pub(crate) data_dir: PathBuf,
    /// The address to listen on; `0.0.0.0` lets other machines in.
    #[arg(long, env = "TASKLEDGER_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// The port to listen on.
    #[arg(long, env = "TASKLEDGER_PORT", value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Add a small, lively data set.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Which Postgres and nats-server to start where no URL is given: system, bundled or auto (system, else bundled).
    #[arg(long, env = "TASKLEDGER_SERVERS", value_name = "WHICH", default_value = "auto")]
    pub(crate) servers: Which,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
    /// File with 64 hexadecimal digits; by default one is made in the data directory.
    #[arg(long, env = "TASKLEDGER_SECRET_KEY_FILE", value_name = "FILE")]
    pub(crate) secret_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) event_store: EventStoreArgs,
    #[command(flatten)]
    pub(crate) read_model: ReadModelArgs,
    #[command(flatten)]
    pub(crate) nats: NatsArgs,
    #[command(flatten)]
    pub(crate) stream: StreamArgs,
    #[command(flatten)]
    pub(crate) seals: SealArgs,
    /// How long the read models may stand still while commands come as fast as they can be written; `0s`: never.
    #[arg(long, env = "BURST_LAG", value_name = "SPAN", default_value = "30s")]
    pub(crate) burst_lag: Span,
    #[command(flatten)]
    pub(crate) oidc: OidcArgs,
    #[command(flatten)]
    pub(crate) outward: OutwardArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

impl Up {
    /// Where to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// How to meet clients; links begin with this machine's name and the port in use, unless they were given.
    pub(crate) fn http(&self, port: u16) -> Result<HttpArgs, ConfigError> {
        let mut http = self.http.clone();
        if http.public_url.as_str() == DEFAULT_URL {
            let url = format!("http://localhost:{port}").parse();
            http.public_url = url.map_err(|error: InvalidUrl| ConfigError::Invalid(error.to_string()))?;
        }
        Ok(http)
    }
}
