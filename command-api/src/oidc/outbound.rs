//! Requests to providers: bounded in time and size, no redirects, no proxy from the environment.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For the whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Documents, keys and tokens of real providers stay below a tenth of this.
const MAX_ANSWER: usize = 256 * 1024;

/// Why an answer of a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// No answer in time.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// Another status than success.
    #[error("status {0}")]
    Status(StatusCode),
    /// The answer does not end.
    #[error("the answer is too large")]
    TooLarge,
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
pub(super) struct Outbound(reqwest::Client);

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl Outbound {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        service::tls::install();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self(client))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, OutboundError> {
        self.send(self.0.get(url)).await?.successful()
    }

    pub(super) async fn get_with<T: DeserializeOwned>(
        &self,
        url: Url,
        access_token: &str,
    ) -> Result<T, OutboundError> {
        self.send(self.0.get(url).bearer_auth(access_token)).await?.successful()
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
            request = request.header(reqwest::header::AUTHORIZATION, authorization);
        }
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, OutboundError> {
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(OutboundError::TooLarge);
            }
        }
        Ok(Answer { status, body })
    }
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    fn successful<T: DeserializeOwned>(&self) -> Result<T, OutboundError> {
        if self.status.is_success() { self.json() } else { Err(OutboundError::Status(self.status)) }
    }
}
