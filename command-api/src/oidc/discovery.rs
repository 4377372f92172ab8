//! What a provider says about itself (OpenID Connect Discovery 1.0).

use jsonwebtoken::Algorithm;
use reqwest::Url;
use serde::Deserialize;

use super::{
    config::{ClientAuth, ProviderConfig, endpoint},
    outbound::{Outbound, OutboundError},
};

/// Signatures that we verify; none that a shared secret makes.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The parts of the document that we use, checked.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) jwks: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) client_auth: ClientAuth,
    pub(super) algorithms: Vec<Algorithm>,
    /// It names itself when it sends a browser back (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Fetches the document; it must be the issuer's own.
pub(super) async fn discover(
    outbound: &Outbound,
    config: &ProviderConfig,
) -> Result<Metadata, OutboundError> {
    let address = format!("{}/.well-known/openid-configuration", config.issuer.trim_end_matches('/'));
    let url = Url::parse(&address).map_err(|_| OutboundError::Metadata("address"))?;
    outbound.get::<Document>(url).await?.check(config)
}

impl Document {
    fn check(self, config: &ProviderConfig) -> Result<Metadata, OutboundError> {
        if self.issuer != config.issuer {
            return Err(OutboundError::Metadata("issuer"));
        }
        let at =
            |text: &str, name| endpoint(text, config.is_plain_http()).ok_or(OutboundError::Metadata(name));
        let userinfo = self.userinfo_endpoint.as_deref().map(|text| at(text, "userinfo_endpoint"));
        Ok(Metadata {
            authorization: at(&self.authorization_endpoint, "authorization_endpoint")?,
            token: at(&self.token_endpoint, "token_endpoint")?,
            jwks: at(&self.jwks_uri, "jwks_uri")?,
            userinfo: userinfo.transpose()?,
            client_auth: config.client_auth.map_or_else(|| self.client_auth(), Ok)?,
            algorithms: self.algorithms()?,
            names_itself: self.authorization_response_iss_parameter_supported,
        })
    }

    /// Basic is what providers do who do not say.
    fn client_auth(&self) -> Result<ClientAuth, OutboundError> {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|one| one == method);
        if methods.is_empty() || has("client_secret_basic") {
            Ok(ClientAuth::Basic)
        } else if has("client_secret_post") || has("none") {
            Ok(ClientAuth::Post)
        } else {
            Err(OutboundError::Metadata("token_endpoint_auth_methods_supported"))
        }
    }

    /// RS256 is what all providers do.
    fn algorithms(&self) -> Result<Vec<Algorithm>, OutboundError> {
        let named = &self.id_token_signing_alg_values_supported;
        if named.is_empty() {
            return Ok(vec![Algorithm::RS256]);
        }
        let parsed = named.iter().filter_map(|name| name.parse().ok());
        let usable: Vec<_> = parsed.filter(|algorithm| ALGORITHMS.contains(algorithm)).collect();
        if usable.is_empty() {
            return Err(OutboundError::Metadata("id_token_signing_alg_values_supported"));
        }
        Ok(usable)
    }
}
