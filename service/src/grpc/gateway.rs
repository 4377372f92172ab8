//! The routes of unary methods: each asks the HTTP route that it is.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method as Verb, StatusCode, Uri, Version, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use prost_reflect::DynamicMessage;
use tokio::time::Instant;
use tonic::Status;
use tower::ServiceExt;

use super::{
    answer,
    call::Call,
    frame, health, is_grpc, methods,
    methods::Method,
    reflection, timeout,
    unreadable::{Fault, Unreadable, invalid_message},
};
use crate::{
    http::Patience,
    problem::Code,
    process::Surroundings,
    request::{Cause, Transport},
};

/// Metadata that are the same headers of the HTTP request.
const KEPT: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static(Cause::CAUSATION),
    HeaderName::from_static(Cause::CORRELATION),
];

/// A method, and the routes that answer it.
struct Door {
    method: Method,
    http: Router,
}

/// Adds to finished routes the methods of what the process offers, its health and, where developers work, reflection.
pub fn mount(http: Router, surroundings: &Surroundings, reflect: bool) -> Router {
    let offered = surroundings.grpc.names();
    let mut router = http.clone();
    for method in methods().filter(|method| offered.contains(method.service())) {
        let path = method.path().to_owned();
        router = router.route(&path, post(enter).with_state(Arc::new(Door { method, http: http.clone() })));
    }
    let router = health::add(router, surroundings, &offered);
    if reflect { reflection::add(router, &offered) } else { router }
}

async fn enter(State(door): State<Arc<Door>>, request: Request) -> Response {
    if !is_grpc(request.headers()) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    if request.version() < Version::HTTP_2 {
        return StatusCode::HTTP_VERSION_NOT_SUPPORTED.into_response();
    }
    match door.ask(request).await {
        Ok(answer) => answer::translate(answer, door.method.output()).await,
        Err(status) => status.into_http(),
    }
}

impl Door {
    async fn ask(&self, request: Request) -> Result<Response, Status> {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let (mut extensions, metadata) = (parts.extensions, parts.headers);
        let call = match self.read(&metadata, body).await {
            Ok((call, patience)) => {
                if let Some(patience) = patience {
                    extensions.insert(Patience(patience.saturating_sub(begun.elapsed())));
                }
                call
            }
            Err(Fault::Wire(status)) => return Err(status),
            Err(Fault::Message(problem)) => {
                extensions.insert(Unreadable::new(problem));
                self.nothing()
            }
        };
        let mut asked = outgoing(call, &metadata);
        extensions.insert(Transport::Grpc);
        // Else the router takes the path that it finds there for a part of this method's.
        extensions.remove::<MatchedPath>();
        // The address of the client comes with them.
        *asked.extensions_mut() = extensions;
        let Ok(answer) = self.http.clone().oneshot(asked).await;
        Ok(answer)
    }

    async fn read(&self, metadata: &HeaderMap, body: Body) -> Result<(Asked, Option<Duration>), Fault> {
        let patience = timeout(metadata)?;
        let message = within(patience, frame::read(metadata, body)).await?;
        let message = DynamicMessage::decode(self.method.input().clone(), message)
            .map_err(|error| invalid_message(&error.to_string()))?;
        let call = Call::new(&self.method, &message)?;
        let uri = call.target.parse().map_err(|_| Code::UriTooLong)?;
        Ok(((call, uri), patience))
    }

    /// What is asked where nothing could be read: the method, of nobody in particular.
    fn nothing(&self) -> Asked {
        let target = self.method.rule().path(|_| "-".to_owned()).unwrap_or_default();
        let uri = target.parse().unwrap_or_default();
        let verb = self.method.verb().clone();
        (Call { verb, target, body: None, key: None, if_match: None }, uri)
    }
}

/// A call, and its target as HTTP has it.
type Asked = (Call, Uri);

async fn within(
    patience: Option<Duration>,
    reading: impl Future<Output = Result<Bytes, Fault>>,
) -> Result<Bytes, Fault> {
    let Some(patience) = patience else { return reading.await };
    let read = tokio::time::timeout(patience, reading).await;
    read.unwrap_or_else(|_| Err(Code::DeadlineExceeded.into()))
}

fn outgoing((call, uri): Asked, metadata: &HeaderMap) -> Request {
    let media_type =
        if call.verb == Verb::PATCH { "application/merge-patch+json" } else { "application/json" };
    let mut request = Request::new(Body::empty());
    if let Some(body) = call.body {
        *request.body_mut() = Body::from(body.to_string());
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    let headers = request.headers_mut();
    for name in &KEPT {
        for value in metadata.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers.extend(call.key.map(|key| (HeaderName::from_static("idempotency-key"), key)));
    headers.extend(call.if_match.map(|tag| (header::IF_MATCH, tag)));
    (*request.method_mut(), *request.uri_mut()) = (call.verb, uri);
    request
}
