//! From the redirect to a provider to the person who has come back.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Oidc, OidcError,
    exchange::Code,
    provider::Provider,
    state::{self, LoginState, Purpose, Wish},
};
use crate::auth::Person;

/// How far a provider's clock may be off.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// A login that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What the provider sends back.
    pub state: String,
    /// What the browser's cookie holds meanwhile.
    pub sealed: String,
}

/// What has come back to the redirect URI.
#[derive(Clone, Copy, Debug, Default)]
pub struct Returned<'a> {
    /// What was sent there.
    pub state: Option<&'a str>,
    /// What the cookie of this state holds.
    pub sealed: Option<&'a str>,
    /// For the tokens.
    pub code: Option<&'a str>,
    /// In place of the code.
    pub error: Option<&'a str>,
    /// Its words.
    pub error_description: Option<&'a str>,
    /// Who says so (RFC 9207).
    pub iss: Option<&'a str>,
}

/// Somebody who has come back.
#[derive(Debug)]
pub struct Come {
    /// Who.
    pub person: Person,
    /// What for.
    pub wish: Wish,
}

impl Oidc {
    /// Begins a login at this provider.
    pub async fn begin(&self, provider: &str, wish: Wish) -> Result<Begun, OidcError> {
        let provider = self.provider(provider)?;
        let metadata = provider.metadata().await?;
        let [state, nonce, verifier] = [state::random(), state::random(), state::random()];
        let mut url = metadata.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.config.client_id)
            .append_pair("redirect_uri", &self.redirect_uri(&provider.config.id))
            .append_pair("scope", &provider.config.scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &state::challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        if matches!(wish.purpose, Purpose::ProveAnew { .. }) {
            url.query_pairs_mut().append_pair("prompt", "login").append_pair("max_age", "0");
        }
        let provider = provider.config.id.clone();
        let login = LoginState { provider, nonce, verifier, wish, begun: Utc::now() };
        let sealed = self.0.states.seal(&state, &login);
        Ok(Begun { url: url.into(), state, sealed })
    }

    /// Finishes a login: whatever comes of it, its state is used up.
    pub async fn finish(&self, provider: &str, returned: Returned<'_>) -> Result<Come, OidcError> {
        let provider = self.provider(provider)?;
        let login = self.take_state(provider, returned).await?;
        let metadata = provider.metadata().await?;
        match returned.iss {
            Some(iss) if iss != provider.config.issuer => {
                return Err(OidcError::NotBelieved("the answer is another provider's (iss)"));
            }
            None if metadata.names_itself => {
                return Err(OidcError::NotBelieved("the answer does not say whose it is (iss)"));
            }
            Some(_) | None => {}
        }
        if let Some(error) = returned.error {
            return Err(OidcError::refused(error, returned.error_description));
        }
        let code = returned.code.ok_or(OidcError::NotBelieved("neither a code nor an error came back"))?;
        let redirect_uri = self.redirect_uri(&provider.config.id);
        let code = Code { code, verifier: &login.verifier, redirect_uri: &redirect_uri };
        let claims = provider.redeem(&code, &login.nonce).await?;
        if matches!(login.wish.purpose, Purpose::ProveAnew { .. }) {
            check_auth_time(claims.auth_time, login.begun)?;
        }
        let person = provider.config.judge(claims.sub, &claims.profile);
        Ok(Come { person, wish: login.wish })
    }

    async fn take_state(&self, provider: &Provider, returned: Returned<'_>) -> Result<LoginState, OidcError> {
        let (Some(state), Some(sealed)) = (returned.state, returned.sealed) else {
            return Err(OidcError::Void);
        };
        let login = self.0.states.open(state, sealed, Utc::now());
        let login = login.filter(|login| login.provider == provider.config.id).ok_or(OidcError::Void)?;
        if state::use_up(&self.0.pool, state).await? { Ok(login) } else { Err(OidcError::Void) }
    }
}

/// Whoever is asked anew has to prove who they are after that.
fn check_auth_time(proved: Option<i64>, asked: DateTime<Utc>) -> Result<(), OidcError> {
    match proved.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
        Some(time) if time + SKEW >= asked => Ok(()),
        Some(_) => Err(OidcError::NotBelieved("nobody was asked anew (auth_time)")),
        None => Err(OidcError::NotBelieved("it does not say when somebody was asked (auth_time)")),
    }
}
