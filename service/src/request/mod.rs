//! What is known about a request before anyone reads its body: ids, trace, client, language.

mod client;
mod traceparent;

use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
};
use uuid::Uuid;

pub use self::{
    client::{ClientInfo, InvalidNetwork, Network, TrustedProxies, network_of},
    traceparent::Traceparent,
};
use crate::{grpc::is_grpc, idempotency::key_hash, problem::Language};

/// The server's own name for a request (UUIDv7); what clients send as `X-Request-Id` is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub Uuid);

impl RequestId {
    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// The event that a command of the system reacts to: what the headers [`Cause::CAUSATION`] and [`Cause::CORRELATION`] say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// That event.
    pub event: Uuid,
    /// What groups everything that one intent sets off.
    pub correlation: Uuid,
}

impl Cause {
    /// Name of the header with the event's id.
    pub const CAUSATION: &str = "causation-id";
    /// Name of the header with the id of the intent.
    pub const CORRELATION: &str = "correlation-id";

    fn read<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let id = |name| header(name)?.parse().ok();
        Some(Self { event: id(Self::CAUSATION)?, correlation: id(Self::CORRELATION)? })
    }
}

/// How a request came; also in the extensions of requests that came otherwise than they look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As HTTP.
    Http,
    /// As gRPC.
    Grpc,
}

impl Transport {
    fn of(parts: &Parts) -> Self {
        let streams = is_grpc(&parts.headers).then_some(Self::Grpc);
        parts.extensions.get().copied().or(streams).unwrap_or(Self::Http)
    }

    /// As events say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

/// Everything about a request that problems, events and logs repeat; an extractor, cheap to clone.
#[derive(Clone, Debug)]
pub struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    request_id: RequestId,
    traceparent: Traceparent,
    client: ClientInfo,
    language: Language,
    transport: Transport,
    speaks_grpc: bool,
    cause: Option<Cause>,
    path: String,
    route: OnceLock<Arc<str>>,
    key: Option<HeaderValue>,
    key_hash: OnceLock<Arc<str>>,
    left_event: AtomicBool,
    public_url: Arc<str>,
}

impl RequestContext {
    /// Reads the context from the head of a request; a forwarded address counts from trusted proxies only.
    pub fn read(parts: &Parts, proxies: &TrustedProxies, public_url: Arc<str>) -> Self {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Self(Arc::new(Inner {
            request_id: RequestId::generate(),
            traceparent: Traceparent::continued(text("traceparent")),
            client: ClientInfo::read(parts, proxies),
            language: Language::negotiate(text("accept-language").unwrap_or_default()),
            transport: Transport::of(parts),
            speaks_grpc: is_grpc(&parts.headers),
            cause: Cause::read(text),
            path: parts.uri.path().to_owned(),
            route: OnceLock::new(),
            key: parts.headers.get("idempotency-key").cloned(),
            key_hash: OnceLock::new(),
            left_event: AtomicBool::new(false),
            public_url,
        }))
    }

    /// The server's id of this request.
    pub fn request_id(&self) -> RequestId {
        self.0.request_id
    }

    /// The trace this request belongs to: the client's, or a new one.
    pub fn traceparent(&self) -> &Traceparent {
        &self.0.traceparent
    }

    /// Who called, from where.
    pub fn client(&self) -> &ClientInfo {
        &self.0.client
    }

    /// The language of titles and details.
    pub fn language(&self) -> Language {
        self.0.language
    }

    /// How it came.
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// Whether its answer is gRPC too; that of a unary method becomes it later.
    pub fn speaks_grpc(&self) -> bool {
        self.0.speaks_grpc
    }

    /// Why the system asks; what anybody else says of it does not count.
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The operation that it asks for, `POST /v1/tasks/{id}/start`; none where nobody keeps a record of it.
    pub fn route(&self) -> Option<Arc<str>> {
        self.0.route.get().cloned()
    }

    pub(crate) fn found_to_ask_for(&self, route: &Arc<str>) {
        // It is found once.
        let _known = self.0.route.set(Arc::clone(route));
    }

    /// SHA-256 of its idempotency key, in hexadecimal digits.
    pub fn key_hash(&self) -> Option<Arc<str>> {
        let key = self.0.key.as_ref()?;
        Some(Arc::clone(self.0.key_hash.get_or_init(|| key_hash(key.as_bytes()))))
    }

    /// An event tells of it: no other record is needed.
    pub fn leaves_event(&self) {
        self.0.left_event.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_left_event(&self) -> bool {
        self.0.left_event.load(Ordering::Relaxed)
    }

    /// What links begin with; never taken from `Host`.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if let Some(context) = parts.extensions.get::<Self>() {
            return Ok(context.clone());
        }
        let context = Self::read(parts, &TrustedProxies::default(), Arc::from(""));
        parts.extensions.insert(context.clone());
        Ok(context)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        RequestContext::from_request_parts(parts, state).await.map(|context| context.request_id())
    }
}

impl<S: Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        RequestContext::from_request_parts(parts, state).await.map(|context| context.client().clone())
    }
}

impl<S: Sync> FromRequestParts<S> for Traceparent {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        RequestContext::from_request_parts(parts, state).await.map(|context| *context.traceparent())
    }
}
