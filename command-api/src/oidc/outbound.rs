//! Requests to providers, whose answers are JSON.

use std::time::Duration;

use serde::de::DeserializeOwned;
use service::outbound::{
    Answer, CallError, Client, Limits, Options, Request, StatusCode, Unusable, Url,
    header::{ACCEPT, AUTHORIZATION},
};

/// A browser waits. Documents, keys and tokens of real providers stay below a tenth of the size.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(3), whole: Duration::from_secs(5), body: 256 * 1024 };

/// Why an answer of a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Another status than success.
    #[error("status {0}")]
    Status(StatusCode),
    /// Not the JSON that was expected.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The configuration document is not usable.
    #[error("the configuration document has a wrong {0}")]
    Metadata(&'static str),
    /// It did not answer a moment ago.
    #[error("it did not answer a moment ago")]
    JustFailed,
}

/// Asks a provider.
#[derive(Debug)]
pub(super) struct Outbound(Client);

impl Outbound {
    pub(super) fn new() -> Result<Self, Unusable> {
        Client::new(Options { limits: LIMITS, ..Options::default() }).map(Self)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, OutboundError> {
        successful(self.send(self.0.get(url)).await?)
    }

    pub(super) async fn get_with<T: DeserializeOwned>(
        &self,
        url: Url,
        access_token: &str,
    ) -> Result<T, OutboundError> {
        successful(self.send(self.0.get(url).bearer_auth(access_token)).await?)
    }

    /// Posts a form, with `Authorization` if there is one.
    pub(super) async fn post(
        &self,
        url: Url,
        authorization: Option<&str>,
        form: &[(&str, &str)],
    ) -> Result<Answer, OutboundError> {
        let mut request = self.0.post(url).form(form);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(request).await
    }

    async fn send(&self, request: Request) -> Result<Answer, OutboundError> {
        Ok(self.0.send(request.header(ACCEPT, "application/json")).await?)
    }
}

fn successful<T: DeserializeOwned>(answer: Answer) -> Result<T, OutboundError> {
    if answer.status.is_success() { Ok(answer.json()?) } else { Err(OutboundError::Status(answer.status)) }
}
