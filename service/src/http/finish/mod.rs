//! The one layer over all routes: context, refusals, safety headers, CORS, logs and figures.

mod cors;
mod gate;
mod render;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;

pub use self::cors::{InvalidOrigin, Origin};
use super::{
    deadline,
    rates::{Meter, Rates},
};
use crate::{
    health::{self, Health},
    metrics::Metrics,
    problem::{self, Code, Problem},
    request::{RequestContext, TrustedProxies},
    shutdown::Shutdown,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Requests handled at a time; more are refused at once (streams count until their head is sent).
const MAX_IN_FLIGHT: i64 = 8_192;
/// How long an answer may take to begin.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What the edge of a process is made of.
#[derive(Clone, Debug)]
pub struct Edge {
    /// What links begin with, without a slash at the end.
    pub public_url: Arc<str>,
    /// The proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: TrustedProxies,
    /// The origins whose pages may call us.
    pub cors_origins: Vec<Origin>,
    /// A handler that takes longer is dropped, unless it is [`super::Unhurried`].
    pub request_timeout: Duration,
    /// How often clients may ask; none: as often as they like.
    pub rates: Option<Rates>,
    /// The checks behind `/readyz`.
    pub health: Health,
    /// Where requests are counted.
    pub metrics: Metrics,
    /// A process that ends is not ready.
    pub shutdown: Shutdown,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            public_url: Arc::from("http://localhost:8080"),
            trusted_proxies: TrustedProxies::default(),
            cors_origins: Vec::new(),
            request_timeout: REQUEST_TIMEOUT,
            rates: None,
            health: Health::default(),
            metrics: Metrics::default(),
            shutdown: Shutdown::default(),
        }
    }
}

/// Adds `/livez`, `/readyz`, `/problems/{code}`, the answers for unknown paths and methods, and the layer.
pub fn finish(router: Router, edge: Edge) -> Router {
    router
        .merge(health::router(edge.health.clone(), edge.shutdown.clone()))
        .merge(problem::router())
        .fallback(async |context: RequestContext| Problem::new(missing(&context)))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .layer(from_fn_with_state(Arc::new(edge), around))
}

/// No such route, or no such method.
fn missing(context: &RequestContext) -> Code {
    if context.speaks_grpc() { Code::NotImplemented } else { Code::NotFound }
}

async fn around(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (mut parts, body) = request.into_parts();
    let context = RequestContext::read(&parts, &edge.trusted_proxies, Arc::clone(&edge.public_url));
    let (method, origin) = (parts.method.clone(), parts.headers.get(header::ORIGIN).cloned());
    let route = parts.extensions.get::<MatchedPath>().cloned();
    let refused = gate::refuse(&parts).or_else(|| edge.shed());
    let meter = Meter::new(edge.rates.as_ref(), &parts);
    parts.extensions.insert(context.clone());
    parts.extensions.insert(meter.clone());
    let preflight = cors::is_preflight(&parts);
    let answer = match refused {
        _ if preflight => cors::preflight(),
        Some(problem) => problem.into_response(),
        None => handle(&edge, &context, next, Request::from_parts(parts, body)).await,
    };
    let mut response = render::finish(answer, &method, &context);
    meter.tell(response.headers_mut());
    cors::expose(&edge.cors_origins, origin.as_ref(), preflight, response.headers_mut());
    let route = route.as_ref().map_or("other", MatchedPath::as_str);
    edge.metrics.http().answered(known(&method), route, response.status().as_u16(), begun.elapsed());
    response
}

async fn handle(edge: &Edge, context: &RequestContext, next: Next, request: Request) -> Response {
    // One field only: every line a handler logs pays for the others, and the id leads to them.
    let span = tracing::info_span!("request", id = %context.request_id());
    let _in_flight = InFlight::enter(edge);
    let handle = async |request| {
        let answer = std::panic::AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response())
    };
    deadline::within(edge.request_timeout, request, handle).instrument(span).await
}

impl Edge {
    fn shed(&self) -> Option<Problem> {
        let full = self.metrics.http().in_flight.get() >= MAX_IN_FLIGHT;
        full.then(|| Problem::new(Code::Overloaded).retry_after(1))
    }
}

/// Counts a request while it is handled, also when its client goes away.
struct InFlight<'a>(&'a Edge);

impl<'a> InFlight<'a> {
    fn enter(edge: &'a Edge) -> Self {
        edge.metrics.http().in_flight.inc();
        Self(edge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.http().in_flight.dec();
    }
}

/// Clients invent methods; labels must not grow with them.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn static_value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}
