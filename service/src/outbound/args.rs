//! Settings of outgoing calls.

use std::path::PathBuf;

use clap::Args;
use reqwest::Certificate;

use super::{allowed::Allowed, ports::Ports, reach::Outside};
use crate::config::{ConfigError, PublicUrl};

/// Where calls may go whose addresses users choose.
#[derive(Args, Clone, Debug)]
pub struct ReachArgs {
    /// Hosts inside that webhooks may call all the same, `127.0.0.1:9000,receiver:80`; only where PUBLIC_URL is an address of
    /// this machine.
    #[arg(long, env = "OUTBOUND_ALLOW", value_name = "HOST:PORT", value_delimiter = ',')]
    pub outbound_allow: Vec<Allowed>,
    /// Ports that webhooks may call, `443,9000-9099`.
    #[arg(long, env = "OUTBOUND_PORTS", value_name = "PORTS", value_delimiter = ',', default_value = "443")]
    pub outbound_ports: Vec<Ports>,
}

/// The same, and whom calls trust.
#[derive(Args, Clone, Debug)]
pub struct OutboundArgs {
    /// Where calls may go.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// File with certificates (PEM) of authorities to trust besides those that the system trusts.
    #[arg(long, env = "OUTBOUND_CA_FILE", value_name = "FILE")]
    pub outbound_ca_file: Option<PathBuf>,
}

impl Default for ReachArgs {
    fn default() -> Self {
        Self { outbound_allow: Vec::new(), outbound_ports: vec![443.into()] }
    }
}

impl ReachArgs {
    /// What users may have called. Only an installation that its own machine alone can reach calls plain http.
    pub fn outside(&self, public_url: &PublicUrl) -> Result<Outside, ConfigError> {
        if !self.outbound_allow.is_empty() && !public_url.is_loopback() {
            let why = "OUTBOUND_ALLOW is for trying on one machine: PUBLIC_URL is not an address of this one";
            return Err(ConfigError::Invalid(why.into()));
        }
        Ok(Outside {
            plain_http: public_url.is_loopback(),
            ports: self.outbound_ports.clone(),
            allow: self.outbound_allow.clone(),
        })
    }
}

impl OutboundArgs {
    /// Reads the file.
    pub fn authorities(&self) -> Result<Vec<Certificate>, ConfigError> {
        let Some(path) = &self.outbound_ca_file else { return Ok(Vec::new()) };
        let invalid =
            |why: String| ConfigError::Invalid(format!("OUTBOUND_CA_FILE {}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
        let all = Certificate::from_pem_bundle(&pem).map_err(|_| invalid("not in PEM".into()))?;
        if all.is_empty() { Err(invalid("no certificate".into())) } else { Ok(all) }
    }
}
