//! The one client for outgoing calls.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Certificate, Method, RequestBuilder, Url};

use super::{
    answer::Answer,
    error::CallError,
    names::{Checked, Names, PORT, SystemNames},
    reach::Reach,
};

/// Answers with more headers are refused.
const MAX_HEADERS: usize = 64;
/// Connections kept for the next call to the same host, and for how long.
const KEPT: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("Taskledger/", env!("CARGO_PKG_VERSION"));

/// A call on its way; made by [`Client::get`] and [`Client::post`].
pub type Request = RequestBuilder;

/// How long and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the name, the connection and TLS.
    pub connect: Duration,
    /// For all of it, up to the last byte of the answer.
    pub whole: Duration,
    /// Bytes of an answer's body.
    pub body: usize,
}

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it may call.
    pub reach: Reach,
    /// How long and how large.
    pub limits: Limits,
    /// Authorities of certificates besides those that the system trusts.
    pub authorities: Vec<Certificate>,
    /// Who knows the addresses of names.
    pub names: Arc<dyn Names>,
}

impl Default for Options {
    /// For addresses from the configuration.
    fn default() -> Self {
        Self {
            reach: Reach::Configured,
            limits: Limits::default(),
            authorities: Vec::new(),
            names: Arc::new(SystemNames),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole: Duration::from_secs(15), body: 64 * 1024 }
    }
}

/// There can be no client with these options.
#[derive(Debug, thiserror::Error)]
#[error("outgoing calls: {0}")]
pub struct Unusable(String);

/// Makes outgoing calls; cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    reach: Reach,
    max_body: usize,
}

impl Client {
    /// Connects to nobody yet.
    pub fn new(options: Options) -> Result<Self, Unusable> {
        crate::tls::install();
        let Options { reach, limits, authorities, names } = options;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .pool_max_idle_per_host(KEPT)
            .pool_idle_timeout(KEPT_FOR)
            .tls_certs_merge(authorities)
            .dns_resolver(Checked { names, reach: reach.clone() })
            .build()
            .map_err(|error| Unusable(error.to_string()))?;
        Ok(Self { http, reach, max_body: limits.body })
    }

    /// A request of any kind.
    pub fn request(&self, method: Method, url: Url) -> Request {
        self.http.request(method, url)
    }

    /// A request for what is there.
    pub fn get(&self, url: Url) -> Request {
        self.http.request(Method::GET, url)
    }

    /// A request that brings something.
    pub fn post(&self, url: Url) -> Request {
        self.http.request(Method::POST, url)
    }

    /// Sends the request once and reads the whole answer, whatever its status.
    pub async fn send(&self, request: Request) -> Result<Answer, CallError> {
        let request = request.build().map_err(|error| CallError::of(&error))?;
        self.reach.check(request.url())?;
        let port = request.url().port_or_known_default().unwrap_or_default();
        let execution = PORT.scope(port, self.http.execute(request));
        let mut response = execution.await.map_err(|error| CallError::of(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| CallError::of(&error))? {
            if body.len() + chunk.len() > self.max_body {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("reach", &self.reach).finish_non_exhaustive()
    }
}
