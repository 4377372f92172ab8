//! The deadline of every request, and the handlers that are free of it.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};

use tokio::time::Instant;

use crate::problem::{Code, Problem};

/// Takes the deadline off its request. An argument of handlers that wait for as long as their client does; the first, since
/// the extractors before it are under the deadline. Streams do without: theirs ends with the head of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Unhurried;

/// Whether the deadline was taken off; in the extensions of every request.
#[derive(Clone, Debug, Default)]
struct Lifted(Arc<AtomicBool>);

/// How long the client waits, if it says so: nobody works longer for it, whatever the handler asks for. In the extensions of
/// its request.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

/// When the request must be answered; in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub(super) Instant);

impl<S: Sync> FromRequestParts<S> for Unhurried {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if let Some(Lifted(lifted)) = parts.extensions.get() {
            lifted.store(true, Ordering::Relaxed);
        }
        Ok(Self)
    }
}

/// The handler's answer if it comes within `limit`; else the handler is dropped.
pub(super) async fn within<F: Future<Output = Response>>(
    limit: Duration,
    mut request: Request,
    handle: impl FnOnce(Request) -> F,
) -> Response {
    let patience = request.extensions().get().map(|Patience(patience)| *patience);
    let limit = patience.map_or(limit, |patience| patience.min(limit));
    request.extensions_mut().insert(Deadline(Instant::now() + limit));
    let Lifted(lifted) = request.extensions_mut().get_or_insert_default::<Lifted>().clone();
    let changes = !request.method().is_safe();
    let mut answer = pin!(handle(request));
    match tokio::time::timeout(limit, &mut answer).await {
        Ok(answer) => answer,
        Err(_) if patience.is_none() && lifted.load(Ordering::Relaxed) => answer.await,
        Err(elapsed) => too_late(changes).caused_by(elapsed).into_response(),
    }
}

/// What was handed to the appender is written all the same, so a command may have taken effect.
fn too_late(changes: bool) -> Problem {
    let problem = Problem::new(Code::DeadlineExceeded);
    if !changes {
        return problem;
    }
    problem.detail(
        "It is not known whether the request took effect. Send it again with the same Idempotency-Key.",
        "요청이 반영되었는지 알 수 없습니다. 같은 Idempotency-Key로 다시 보내세요.",
    )
}
