//! Commands that follow from events or from the clock: this service asks for them as any client does, but in the system's name.

use std::time::Duration;

use chrono::Utc;
use clap::Args;
use domain::ids::EventId;
use serde_json::Value;
use service::{
    auth::SystemTokens,
    config::{ConfigError, PublicUrl},
    outbound::{Answer, CallError, Client, Limits, Method, Options, StatusCode, Url},
    request::Cause,
    secrets::SecretKey,
};
use uuid::Uuid;

/// Longer than command-api itself takes before it gives up.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(40), body: 1024 * 1024 };

/// Where commands are taken.
#[derive(Args, Clone, Debug, Default)]
pub struct CommandArgs {
    /// Where command-api is; by default at PUBLIC_URL.
    #[arg(long, env = "COMMAND_API_URL", value_name = "URL")]
    pub command_api_url: Option<PublicUrl>,
}

/// Asks for commands in the system's name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commands {
    client: Client,
    base: Url,
    tokens: SystemTokens,
    cause: Option<Cause>,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It was refused, and will be refused again.
    #[error("refused: {status} {code}")]
    Refused {
        /// The status.
        status: u16,
        /// The problem's code.
        code: String,
    },
    /// Nobody knows whether it was carried out; the same key asks again without doing it twice.
    #[error("not answered: {0}")]
    Unanswered(String),
}

impl Commands {
    /// Asks the service at COMMAND_API_URL, or else at PUBLIC_URL. Connects to nobody yet.
    pub fn new(args: &CommandArgs, public_url: &PublicUrl, secret: &SecretKey) -> Result<Self, ConfigError> {
        let base = args.command_api_url.as_ref().unwrap_or(public_url);
        let base = Url::parse(base.as_str()).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        let client = Client::new(Options { limits: LIMITS, ..Options::default() });
        let client = client.map_err(|error| ConfigError::Invalid(error.to_string()))?;
        Ok(Self { client, base, tokens: SystemTokens::new(secret), cause: None })
    }

    /// The same; the commands follow from this event of this intent.
    #[must_use]
    pub fn caused(&self, event: EventId, correlation: Uuid) -> Self {
        Self { cause: Some(Cause { event: event.0, correlation }), ..self.clone() }
    }

    /// Asks for the command behind this path (`/v1/tasks/…/unassign`); the same key has it carried out once, however often it
    /// is asked for.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value, CommandError> {
        self.send(Method::POST, path, key, Some(body)).await
    }

    /// The same for what is to go.
    pub async fn delete(&self, path: &str, key: &str) -> Result<Value, CommandError> {
        self.send(Method::DELETE, path, key, None).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<Value, CommandError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(self.tokens.mint(Utc::now()))
            .header("idempotency-key", format!("\"{key}\""));
        if let Some(Cause { event, correlation }) = self.cause {
            request = request
                .header(Cause::CAUSATION, event.to_string())
                .header(Cause::CORRELATION, correlation.to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.client.send(request).await.map_err(|error| unanswered(&error))?;
        judge(&answer)
    }
}

fn unanswered(error: &CallError) -> CommandError {
    CommandError::Unanswered(error.to_string())
}

/// What the state of things forbids is refused for good; anything else may go better later.
fn judge(answer: &Answer) -> Result<Value, CommandError> {
    let body: Value = answer.json().unwrap_or_default();
    let code = || body["code"].as_str().unwrap_or("none").to_owned();
    match answer.status {
        status if status.is_success() => Ok(body),
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Err(CommandError::Unanswered(code()))
        }
        StatusCode::CONFLICT if body["code"] == "IDEMPOTENCY_IN_FLIGHT" => {
            Err(CommandError::Unanswered(code()))
        }
        status if status.is_client_error() => {
            Err(CommandError::Refused { status: status.as_u16(), code: code() })
        }
        status => Err(CommandError::Unanswered(format!("{status} {}", code()))),
    }
}
