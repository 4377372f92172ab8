//! Who we are to Google: the service account and what it signs.

use std::fmt;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use service::outbound::Url;

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// The longest that Google takes (seconds).
const LIFETIME: i64 = 3_600;

/// An account that may send, from the JSON file that the Firebase console hands out.
#[derive(Clone)]
pub struct ServiceAccount {
    pub(super) project_id: String,
    pub(super) token_uri: Url,
    client_email: String,
    key_id: String,
    key: EncodingKey,
}

/// Why the file is no service account.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAccount {
    /// Not the JSON of one.
    #[error("not the JSON of a service account: {0}")]
    Json(#[from] serde_json::Error),
    /// Of some other kind.
    #[error("type must be service_account")]
    Type,
    /// Neither PKCS #8 nor PKCS #1 in PEM, or not RSA.
    #[error("private_key is no RSA key in PEM")]
    Key,
    /// Not one that can be called.
    #[error("token_uri is no address")]
    TokenUri,
    /// It becomes part of addresses.
    #[error("project_id is no name of a project")]
    Project,
}

#[derive(Deserialize)]
struct File {
    r#type: String,
    project_id: String,
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    /// Parses the file.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidAccount> {
        let file: File = serde_json::from_slice(json)?;
        if file.r#type != "service_account" {
            return Err(InvalidAccount::Type);
        }
        let in_names = |b: u8| b.is_ascii_alphanumeric() || b"-.:".contains(&b);
        if file.project_id.is_empty() || !file.project_id.bytes().all(in_names) {
            return Err(InvalidAccount::Project);
        }
        let token_uri =
            Url::parse(&file.token_uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        Ok(Self {
            project_id: file.project_id,
            token_uri: token_uri.ok_or(InvalidAccount::TokenUri)?,
            client_email: file.client_email,
            key_id: file.private_key_id,
            key: EncodingKey::from_rsa_pem(file.private_key.as_bytes()).map_err(|_| InvalidAccount::Key)?,
        })
    }

    /// What an access token is given for (RFC 7523).
    pub(super) fn assertion(&self, now: DateTime<Utc>) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::RS256) };
        let iat = now.timestamp();
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: self.token_uri.as_str(),
            iat,
            exp: iat + LIFETIME,
        };
        jsonwebtoken::encode(&header, &claims, &self.key)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("client_email", &self.client_email).finish_non_exhaustive()
    }
}
