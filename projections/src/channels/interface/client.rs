//! One change on its way to the core system.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::{
    config::ConfigError,
    outbound::{
        Answer, CallError, Certificate, Client, Options, Request, Url,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
    },
    secrets::Secret,
};
use uuid::Uuid;

use super::{
    Fields,
    answer::Verdict,
    breaker::{Breaker, State},
};
use crate::deliveries::Attempted;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// So many failures in a row, and the core system is left alone so long.
const FAILURES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Where the core system is.
#[derive(Args, Clone, Debug)]
pub struct InterfaceArgs {
    /// The Interface API of the core system, `https://core.example.com/interface`; without it nothing is sent there.
    #[arg(long, env = "INTERFACE_API_URL", value_name = "URL")]
    pub interface_api_url: Option<Url>,
    /// The bearer token that the core system wants to see.
    #[arg(long, env = "INTERFACE_API_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub interface_api_token: Option<Secret<String>>,
    /// Members of `data` that the core system is told, `from,to,title`; all by default.
    #[arg(long, env = "INTERFACE_FIELDS", value_name = "MEMBERS")]
    pub interface_fields: Option<Fields>,
    /// Tell only the newest of the changes of a task that are waiting. For a core system that reads the task itself.
    #[arg(long, env = "INTERFACE_COALESCE")]
    pub interface_coalesce: bool,
}

impl InterfaceArgs {
    /// The client, if there is a core system.
    pub fn open(&self, authorities: Vec<Certificate>) -> Result<Option<Interface>, ConfigError> {
        let Some(url) = &self.interface_api_url else { return Ok(None) };
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || !url.username().is_empty() {
            return Err(ConfigError::Invalid("INTERFACE_API_URL: expected https://host/path".to_owned()));
        }
        let client = Client::new(Options { authorities, ..Options::default() });
        let client = client.map_err(|error| ConfigError::Invalid(error.to_string()))?;
        Ok(Some(Interface::new(url, self.token()?, client)))
    }

    fn token(&self) -> Result<Option<&str>, ConfigError> {
        let Some(token) = &self.interface_api_token else { return Ok(None) };
        let token = token.expose().trim();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ConfigError::Invalid("INTERFACE_API_TOKEN: no token".to_owned()));
        }
        Ok(Some(token))
    }
}

/// After failures in a row nothing is sent for so long; that is no attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the core system is left alone for {0:?}")]
pub struct LeftAlone(pub Duration);

/// Why a question to the core system has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It knows no such question.
    #[error("not offered")]
    NotOffered,
    /// No answer came.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answer is another one than agreed.
    #[error("the answer is not as agreed (status {0})")]
    NotAsAgreed(u16),
}

/// Tells the core system of changes.
pub struct Interface {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    breaker: Mutex<Breaker>,
}

impl Interface {
    /// Connects to nobody yet.
    pub fn new(base: &Url, token: Option<&str>, client: Client) -> Self {
        let base = base.clone();
        let authorization = token.and_then(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        let breaker = Mutex::new(Breaker::new(FAILURES, PAUSE, LONGEST_PAUSE));
        Self { client, base, authorization, breaker }
    }

    /// Sends the envelope once, unless the core system is being left alone. However often it is sent, its id is the key by which
    /// the core system knows it.
    pub async fn send(
        &self,
        event: Uuid,
        envelope: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Attempted, LeftAlone> {
        self.breaker().admit(Instant::now()).map_err(LeftAlone)?;
        let verdict = Verdict::of(self.call(event, envelope).await, now);
        match &verdict {
            Verdict::Taken(_) | Verdict::Answered(_) => self.breaker().succeeded(),
            Verdict::Trouble(_) => self.failed(),
        }
        Ok(verdict.into_attempted())
    }

    fn failed(&self) {
        let now = Instant::now();
        self.breaker().failed(now);
        if let Some(pause) = self.left_alone(now) {
            tracing::warn!(?pause, "the core system is in trouble and left alone");
        }
    }

    /// How long calls are of no use.
    pub(super) fn left_alone(&self, now: Instant) -> Option<Duration> {
        self.breaker().closed(now)
    }

    /// Whether it is called.
    pub(super) fn state(&self) -> State {
        self.breaker().state()
    }

    async fn call(&self, event: Uuid, envelope: &[u8]) -> Result<Answer, CallError> {
        let request = self.post("events", "application/cloudevents+json", envelope.to_vec());
        self.client.send(request.header(IDEMPOTENCY_KEY, event.to_string())).await
    }

    /// Asks something that changes nothing there.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, question: &Value) -> Result<T, AskError> {
        let question = self.post(path, "application/json", question.to_string().into_bytes());
        let answer = self.client.send(question).await?;
        match answer.status.as_u16() {
            404 | 405 | 501 => Err(AskError::NotOffered),
            status if answer.status.is_success() => answer.json().map_err(|_| AskError::NotAsAgreed(status)),
            status => Err(AskError::NotAsAgreed(status)),
        }
    }

    fn post(&self, path: &str, content_type: &'static str, body: Vec<u8>) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let request =
            self.client.post(url).header(CONTENT_TYPE, content_type).header(ACCEPT, "application/json");
        let request = match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization.clone()),
            None => request,
        };
        request.body(body)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interface").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}
