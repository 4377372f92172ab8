//! What is asked of a provider for a login: tokens for the code, and what it knows of the person.

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::decode_header;
use serde::Deserialize;

use super::{
    OidcError,
    config::ClientAuth,
    discovery::Metadata,
    id_token::{self, Claims, Expected, Profile},
    outbound::OutboundError,
    provider::Provider,
};

/// What redeems a code.
pub(super) struct Code<'a> {
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) redirect_uri: &'a str,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: Option<String>,
}

/// How the token endpoint refuses (RFC 6749, 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    profile: Profile,
}

impl Provider {
    /// Redeems the code and checks the ID token that comes for it.
    pub(super) async fn redeem(&self, code: &Code<'_>, nonce: &str) -> Result<Claims, OidcError> {
        let metadata = self.metadata().await?;
        let tokens = self.tokens(&metadata, code).await?;
        let id_token = tokens.id_token.ok_or(OidcError::NotBelieved("no ID token"))?;
        let header = decode_header(&id_token).map_err(|_| OidcError::NotBelieved("malformed"))?;
        if !metadata.algorithms.contains(&header.alg) {
            return Err(OidcError::NotBelieved("signed in a way that it does not sign (alg)"));
        }
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce,
            algorithm: header.alg,
            access_token: &tokens.access_token,
        };
        let key = self.key(&metadata, &header).await?;
        let mut claims = id_token::verify(&id_token, &key, &expected)?;
        match self.complete(&metadata, &tokens.access_token, &mut claims).await {
            // Whoever is known here needs no address.
            Err(OidcError::Unavailable(error)) => {
                tracing::warn!(provider = self.config.id, %error, "a provider does not say what it knows");
            }
            completed => completed?,
        }
        Ok(claims)
    }

    async fn tokens(&self, metadata: &Metadata, code: &Code<'_>) -> Result<Tokens, OidcError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.code),
            ("redirect_uri", code.redirect_uri),
            ("code_verifier", code.verifier),
        ];
        let client_id = self.config.client_id.as_str();
        let secret = self.config.client_secret.as_ref().map(|secret| secret.expose().as_str());
        let basic = match (secret, metadata.client_auth) {
            (Some(secret), ClientAuth::Basic) => Some(basic(client_id, secret)),
            (Some(secret), ClientAuth::Post) => {
                form.extend([("client_id", client_id), ("client_secret", secret)]);
                None
            }
            (None, _) => {
                form.push(("client_id", client_id));
                None
            }
        };
        let answer = self.outbound.post(metadata.token.clone(), basic.as_deref(), &form).await?;
        if answer.status.is_success() {
            return Ok(answer.json().map_err(OutboundError::from)?);
        }
        match answer.json::<Refusal>() {
            Ok(Refusal { error, error_description }) if answer.status.is_client_error() => {
                tracing::warn!(provider = self.config.id, error, "a provider has refused a code");
                Err(OidcError::refused(&error, error_description.as_deref()))
            }
            Ok(_) | Err(_) => Err(OutboundError::Status(answer.status).into()),
        }
    }

    /// Many providers keep the address for those who ask with the access token.
    async fn complete(
        &self,
        metadata: &Metadata,
        access_token: &str,
        claims: &mut Claims,
    ) -> Result<(), OidcError> {
        let Some(url) = metadata.userinfo.clone().filter(|_| claims.profile.email.is_none()) else {
            return Ok(());
        };
        let info: UserInfo = self.outbound.get_with(url, access_token).await?;
        if info.sub != claims.sub {
            return Err(OidcError::NotBelieved("two subjects for one access token"));
        }
        claims.profile = info.profile.or(std::mem::take(&mut claims.profile));
        Ok(())
    }
}

/// Both parts as a form writes them (RFC 6749, 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", form_encoded(client_id), form_encoded(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

fn form_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            byte if plain(byte) => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

impl Profile {
    /// These claims, and of the others what is missing.
    fn or(self, others: Self) -> Self {
        Self {
            email: self.email.or(others.email),
            email_verified: self.email_verified.or(others.email_verified),
            name: self.name.or(others.name),
            given_name: self.given_name.or(others.given_name),
            family_name: self.family_name.or(others.family_name),
            preferred_username: self.preferred_username.or(others.preferred_username),
            locale: self.locale.or(others.locale),
            zoneinfo: self.zoneinfo.or(others.zoneinfo),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_secrets_are_encoded_before_they_are_joined() {
        assert_eq!(form_encoded("a b:c%ü*~"), "a+b%3Ac%25%C3%BC*%7E");
        assert_eq!(basic("us", "p:w"), format!("Basic {}", STANDARD.encode("us:p%3Aw")));
    }
}
