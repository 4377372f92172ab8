//! One note on its way to one device.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;
use service::{
    config::ConfigError,
    outbound::{Answer, Certificate, Client, Options, StatusCode, Url},
};

use super::{
    account::ServiceAccount,
    message::Note,
    outcome::Pushed,
    tokens::{AccessToken, TokenError, Tokens},
};
use crate::deliveries::{Attempted, Outcome};

/// Where push messages go and in whose name.
#[derive(Args, Clone, Debug)]
pub struct PushArgs {
    /// Service account (JSON) of the Firebase project; without it nothing is pushed.
    #[arg(long, env = "FCM_SERVICE_ACCOUNT_FILE", value_name = "FILE")]
    pub fcm_service_account_file: Option<PathBuf>,
    /// Where Firebase Cloud Messaging is.
    #[arg(long, env = "FCM_BASE_URL", value_name = "URL", default_value = "https://fcm.googleapis.com")]
    pub fcm_base_url: Url,
}

impl PushArgs {
    /// The sender, if there is an account.
    pub fn open(&self, authorities: Vec<Certificate>) -> Result<Option<Push>, ConfigError> {
        let Some(path) = &self.fcm_service_account_file else { return Ok(None) };
        let invalid =
            |why: String| ConfigError::Invalid(format!("FCM_SERVICE_ACCOUNT_FILE {}: {why}", path.display()));
        let json = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
        let account = ServiceAccount::parse(&json).map_err(|error| invalid(error.to_string()))?;
        let client = Client::new(Options { authorities, ..Options::default() });
        let client = client.map_err(|error| ConfigError::Invalid(error.to_string()))?;
        Ok(Some(Push::new(account, &self.fcm_base_url, client)))
    }
}

/// Sends notes to devices.
#[derive(Debug)]
pub struct Push {
    client: Client,
    tokens: Tokens,
    url: Url,
}

impl Push {
    /// Asks nothing of Google yet.
    pub fn new(account: ServiceAccount, base: &Url, client: Client) -> Self {
        let mut url = base.clone();
        url.set_path(&format!(
            "{}/v1/projects/{}/messages:send",
            base.path().trim_end_matches('/'),
            account.project_id
        ));
        Self { client, tokens: Tokens::new(account), url }
    }

    /// Sends the note once; only when our own token is refused, once more with another.
    pub async fn send(&self, device: &str, note: &Note, now: DateTime<Utc>) -> Pushed {
        let answer = match note.message(device) {
            Ok(message) => self.post(&message, now).await,
            Err(error) => return Pushed::too_large(&error),
        };
        answer.map_or_else(Pushed::from, |answer| Pushed::answered(&answer, now))
    }

    async fn post(&self, message: &Value, now: DateTime<Utc>) -> Result<Answer, Attempted> {
        let (answer, token) = self.post_once(message, now).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.tokens.forget(&token);
        Ok(self.post_once(message, now).await?.0)
    }

    async fn post_once(
        &self,
        message: &Value,
        now: DateTime<Utc>,
    ) -> Result<(Answer, AccessToken), Attempted> {
        let token = self.tokens.get(&self.client, now).await.map_err(without_token)?;
        let request = self.client.post(self.url.clone()).bearer_auth(token.expose()).json(message);
        let answer = self.client.send(request).await.map_err(|error| Attempted::unanswered(&error))?;
        Ok((answer, token))
    }
}

/// Nothing was sent; it may go better when there is a token.
fn without_token(error: TokenError) -> Attempted {
    let outcome = Outcome::Failed { retry_after: None };
    Attempted {
        code: Some("no_token".to_owned()),
        response: Some(error.to_string()),
        ..Attempted::new(outcome)
    }
}
