//! The way back: what the core system does in Taskledger, as a service account with an API key.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};
use service::{
    config::ConfigError,
    outbound::{
        CallError, Client, Options, Url,
        header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

use super::{CoreSystem, Trouble};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where Taskledger is, and who we are there.
pub(super) struct Back {
    client: Client,
    url: Url,
    authorization: HeaderValue,
}

/// Why Taskledger was not asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackError {
    /// It does not answer.
    #[error("Taskledger does not answer: {0}")]
    Call(#[from] CallError),
    /// There is no key.
    #[error("start it with TASKLEDGER_TOKEN, the API key of a service account")]
    NoKey,
}

impl Back {
    pub(super) fn new(url: &str, key: &str) -> Result<Self, ConfigError> {
        let invalid = |why: String| ConfigError::Invalid(why);
        let url = url.parse().map_err(|_| invalid("TASKLEDGER_URL is no address".to_owned()))?;
        let client = Client::new(Options::default()).map_err(|error| invalid(error.to_string()))?;
        let authorization = HeaderValue::try_from(format!("Bearer {key}"));
        let mut authorization =
            authorization.map_err(|_| invalid("TASKLEDGER_TOKEN is no key".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Self { client, url, authorization })
    }

    /// The key says on which state of the task it was decided: sent again after a lost answer, it has one effect.
    async fn command(&self, task: Uuid, version: i64, command: &str) -> Result<Value, CallError> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/v1/tasks/{task}/{command}", self.url.path().trim_end_matches('/')));
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(IDEMPOTENCY_KEY, format!("core:{task}:{version}:{command}"))
            .body("{}");
        let answer = self.client.send(request).await?;
        Ok(json!({
            "status": answer.status.as_u16(),
            "answer": answer.json::<Value>().unwrap_or(Value::Null),
        }))
    }
}

/// Completes the task in Taskledger.
pub(super) async fn close(state: State<CoreSystem>, task: Path<Uuid>) -> Result<Json<Value>, Trouble> {
    command(&state, *task, "complete").await
}

/// Puts the task on hold in Taskledger.
pub(super) async fn hold(state: State<CoreSystem>, task: Path<Uuid>) -> Result<Json<Value>, Trouble> {
    command(&state, *task, "hold").await
}

async fn command(core: &CoreSystem, task: Uuid, command: &str) -> Result<Json<Value>, Trouble> {
    let back = core.back.as_ref().ok_or(BackError::NoKey)?;
    let version = core.store.version(task).await?;
    Ok(Json(back.command(task, version, command).await.map_err(BackError::from)?))
}
