//! The access token: fetched by one for all, and before the last one ends.

use std::sync::Mutex as Cell;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use service::{
    outbound::{CallError, Client, StatusCode},
    secrets::Secret,
};
use tokio::sync::Mutex;

use super::account::ServiceAccount;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A token that ends within this is replaced …
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// … and one that ends within this is no good: the call may take as long.
const MARGIN: TimeDelta = TimeDelta::seconds(30);
/// So long after a failure nobody asks again.
const PAUSE: TimeDelta = TimeDelta::seconds(5);

/// Why there is no access token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The account is not taken, or the server is in trouble.
    #[error("status {0}")]
    Status(StatusCode),
    /// A success that holds no token.
    #[error("the answer holds no token")]
    NoToken,
    /// The key does not sign.
    #[error("the assertion cannot be signed")]
    Signature,
}

/// The token of the moment.
#[derive(Debug)]
pub(super) struct Tokens {
    account: ServiceAccount,
    known: Cell<Known>,
    fetching: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    token: Option<AccessToken>,
    failure: Option<(TokenError, DateTime<Utc>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccessToken {
    text: Secret<String>,
    ends: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u32,
}

impl AccessToken {
    pub(super) fn expose(&self) -> &str {
        self.text.expose()
    }

    fn lasts(&self, span: TimeDelta, now: DateTime<Utc>) -> bool {
        self.ends - now > span
    }
}

impl Tokens {
    pub(super) fn new(account: ServiceAccount) -> Self {
        Self { account, known: Cell::default(), fetching: Mutex::default() }
    }

    /// While one fetches, the others go on with the token that still lasts, or wait for what comes.
    pub(super) async fn get(&self, client: &Client, now: DateTime<Utc>) -> Result<AccessToken, TokenError> {
        match self.lasting(MARGIN, now) {
            Some(token) if token.lasts(AHEAD, now) => Ok(token),
            Some(token) => match self.fetching.try_lock() {
                Ok(_fetching) => Ok(self.fetch(client, now).await.unwrap_or(token)),
                Err(_) => Ok(token),
            },
            None => {
                let _fetching = self.fetching.lock().await;
                match self.lasting(MARGIN, now) {
                    Some(token) => Ok(token),
                    None => self.fetch(client, now).await,
                }
            }
        }
    }

    /// It was refused: it is not used again.
    pub(super) fn forget(&self, refused: &AccessToken) {
        let mut known = self.known();
        if known.token.as_ref() == Some(refused) {
            known.token = None;
        }
    }

    async fn fetch(&self, client: &Client, now: DateTime<Utc>) -> Result<AccessToken, TokenError> {
        if let Some(failure) = self.recent_failure(now) {
            return Err(failure);
        }
        let fetched = self.ask(client, now).await;
        let mut known = self.known();
        match &fetched {
            Ok(token) => *known = Known { token: Some(token.clone()), failure: None },
            Err(error) => {
                tracing::warn!(%error, "no access token for push messages");
                known.failure = Some((error.clone(), now));
            }
        }
        fetched
    }

    async fn ask(&self, client: &Client, now: DateTime<Utc>) -> Result<AccessToken, TokenError> {
        let assertion = self.account.assertion(now).map_err(|_| TokenError::Signature)?;
        let form = [("grant_type", GRANT), ("assertion", &assertion)];
        let answer = client.send(client.post(self.account.token_uri.clone()).form(&form)).await?;
        if !answer.status.is_success() {
            return Err(TokenError::Status(answer.status));
        }
        let granted: Granted = answer.json().map_err(|_| TokenError::NoToken)?;
        let ends = now + TimeDelta::seconds(granted.expires_in.into());
        Ok(AccessToken { text: Secret::new(granted.access_token), ends })
    }

    fn lasting(&self, span: TimeDelta, now: DateTime<Utc>) -> Option<AccessToken> {
        self.known().token.clone().filter(|token| token.lasts(span, now))
    }

    fn recent_failure(&self, now: DateTime<Utc>) -> Option<TokenError> {
        let known = self.known();
        known.failure.as_ref().filter(|(_, since)| now - *since < PAUSE).map(|(error, _)| error.clone())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
