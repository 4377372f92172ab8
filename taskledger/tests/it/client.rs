//! A client of the API over real connections.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::system::{PATIENCE, within};

/// Nobody waits longer for an answer.
const ONE_ANSWER: Duration = Duration::from_secs(30);

/// Password of everybody in these tests.
pub(crate) const PASSWORD: &str = "tempest over kiwi";

/// A plain client of some service; cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        service::tls::install();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ONE_ANSWER)
            .build()
            .expect("a client without special wishes");
        Self { http, url: url.to_owned(), token: None }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The same person at another service.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The same with this token.
    pub(crate) fn showing(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token that it shows.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Logs in and speaks as that person from now on.
    pub(crate) async fn log_in(&mut self, email: &str) -> Result<(), String> {
        self.log_in_with(email, PASSWORD).await
    }

    pub(crate) async fn log_in_with(&mut self, email: &str, password: &str) -> Result<(), String> {
        let body = json!({"email": email, "password": password});
        let answer = self.post("/v1/auth/login", &body).await.map_err(|error| error.to_string())?;
        let token = answer.json()["access_token"].as_str().map(str::to_owned);
        self.token = Some(token.ok_or_else(|| format!("{answer:?}"))?);
        Ok(())
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Result<Answer> {
        self.call("GET", path, None, None).await
    }

    /// Asks until it can be answered: the read model has caught up, the service is ready.
    pub(crate) async fn get_when_there(&self, path: &str) -> Answer {
        let mut last = None;
        let there = within(PATIENCE, async || {
            last = self.get(path).await.ok();
            last.as_ref().is_some_and(|answer| answer.status != 503)
        });
        assert!(there.await, "{path} is not answered: {last:?}");
        last.expect("there is an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        self.call("POST", path, Some(body), None).await
    }

    /// The same with `If-Match: *`, which some routes demand.
    pub(crate) async fn post_matching(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        self.send("POST", path, Some(body), &[("if-match", "*")]).await
    }

    /// Sends a command or query; the key is that of idempotency.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> reqwest::Result<Answer> {
        let key = key.map(|key| ("idempotency-key", key));
        self.send(method, path, body, key.as_slice()).await
    }

    /// The same with any headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let request = self.request(Method::from_bytes(method.as_bytes()).expect("a method"), path, body);
        answer(with(request, headers)).await
    }

    /// A GET whose answer goes on for long.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Result<Response> {
        with(self.request(Method::GET, path, None), headers).timeout(PATIENCE).send().await
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> RequestBuilder {
        let media_type =
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.header("content-type", media_type).body(body.to_string());
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request
    }
}

fn with(request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), kept(response.headers()));
    let endless = response.headers().get("content-type").is_some_and(|media| media == "text/event-stream");
    let text = if endless { first(&mut response).await? } else { response.text().await? };
    Ok(Answer { status, headers, text })
}

/// What comes first of an answer that goes on.
async fn first(response: &mut Response) -> reqwest::Result<String> {
    let chunk = response.chunk().await?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&chunk).into_owned())
}

/// The headers that mean something to a client that compares answers.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let names = [
        "etag",
        "idempotent-replayed",
        "location",
        "position",
        "preference-applied",
        "stale",
        "www-authenticate",
    ];
    let value = |name: &str| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    names.into_iter().filter_map(value).collect()
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn number(&self, member: &str) -> i64 {
        self.json()[member].as_i64().unwrap_or_else(|| panic!("no {member} in {}", self.text))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}
