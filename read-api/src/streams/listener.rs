//! Who listens to a stream, and until when.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use service::{
    auth::{Principal, Verifier},
    http::{EVENT_STREAM, Meter, StreamSlot},
    problem::{Code, Problem},
    request::RequestContext,
    shutdown::Shutdown,
};

use super::{
    Frame, Outlet,
    pipe::{Intake, Item, Taken, pipe},
};
use crate::ReadApi;

/// Of proxies that would collect an answer before they hand it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An argument of handlers that answer with a stream: somebody with a good token, who can be told to go.
#[derive(Debug)]
pub(crate) struct Listener {
    principal: Principal,
    verifier: Verifier,
    shutdown: Shutdown,
    meter: Meter,
    context: RequestContext,
}

impl Listener {
    /// A stream of what `produce` puts into the outlet; it ends with that, or with the reason why it had to be cut off.
    pub(crate) fn listen<F>(self, produce: impl FnOnce(Outlet) -> F) -> Result<Response, Problem>
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let context = self.context.clone();
        Ok(answer(body(self.take(produce)?, context)))
    }

    /// The same, for whoever writes it down otherwise.
    pub(crate) fn take<T, F>(self, produce: impl FnOnce(Outlet<T>) -> F) -> Result<Intake<T>, Problem>
    where
        T: Item,
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let slot = self.meter.open_stream()?;
        Ok(self.open(slot, produce))
    }

    fn open<T, F>(self, slot: StreamSlot, produce: impl FnOnce(Outlet<T>) -> F) -> Intake<T>
    where
        T: Item,
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let (outlet, intake) = pipe(slot);
        let producing = produce(outlet.clone());
        self.shutdown.clone().spawn(async move {
            let problem = tokio::select! {
                produced = producing => produced.err(),
                problem = self.dismissed() => Some(problem),
                () = outlet.abandoned() => None,
            };
            if let Some(problem) = problem {
                self.note(&problem);
                outlet.cut(problem);
            }
        });
        intake
    }

    /// Resolves when the client may listen no more, with what it is told.
    async fn dismissed(&self) -> Problem {
        tokio::select! {
            refusal = self.verifier.ended(&self.principal) => refusal.into(),
            () = self.shutdown.begun() => ending(),
        }
    }

    fn note(&self, problem: &Problem) {
        let (code, request) = (problem.code().as_str(), self.context.request_id());
        match problem.cause().filter(|_| problem.code() == Code::Internal) {
            Some(cause) => tracing::error!(code, %request, %cause, "a stream failed"),
            None => tracing::debug!(code, %request, "a stream is closed"),
        }
    }
}

/// Server-sent events, all that wait as one piece.
fn body(intake: Intake<Frame>, context: RequestContext) -> Body {
    let chunks = stream::unfold(intake, move |mut intake| {
        let context = context.clone();
        async move {
            let chunk = match intake.next().await {
                Taken::Items(frames) => Frame::join(frames),
                Taken::Silence => Frame::COMMENT.into(),
                Taken::End(problem) => Frame::json("closed", &problem?.document(&context)).ok()?.into(),
            };
            Some((Ok::<_, Infallible>(chunk), intake))
        }
    });
    Body::from_stream(chunks)
}

fn ending() -> Problem {
    Problem::new(Code::Unavailable)
        .detail("The server is about to end: connect again.", "서버가 종료됩니다. 다시 연결하세요.")
}

fn answer(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

impl FromRequestParts<ReadApi> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ReadApi) -> Result<Self, Problem> {
        let principal = <Principal as FromRequestParts<ReadApi>>::from_request_parts(parts, api).await?;
        let Ok(meter) = Meter::from_request_parts(parts, api).await;
        let Ok(context) = RequestContext::from_request_parts(parts, api).await;
        Ok(Self { principal, verifier: api.verifier.clone(), shutdown: api.shutdown.clone(), meter, context })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Somebody who may listen.

    use axum::http::Request;
    use service::auth::testing::{Minter, principal};

    use super::*;

    pub(crate) fn context() -> RequestContext {
        let (parts, ()) = Request::get("/").body(()).unwrap().into_parts();
        RequestContext::read(&parts, &Default::default(), "".into())
    }

    pub(crate) fn listener() -> Listener {
        Listener {
            principal: principal(1),
            verifier: Minter::default().verifier(),
            shutdown: Shutdown::default(),
            meter: Meter::default(),
            context: context(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use futures_util::StreamExt;
    use tokio::time::Instant;

    use super::{testing::listener, *};

    fn opened<F>(listener: Listener, produce: impl FnOnce(Outlet) -> F) -> Body
    where
        F: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        let context = listener.context.clone();
        body(listener.open(StreamSlot::default(), produce), context)
    }

    async fn rest(body: Body) -> String {
        let chunks: Vec<_> = body.into_data_stream().map(Result::unwrap).collect().await;
        String::from_utf8(chunks.concat()).unwrap()
    }

    fn code(text: &str) -> String {
        let data = text.strip_prefix("event: closed\ndata: ").unwrap_or_else(|| panic!("{text}"));
        serde_json::from_str::<serde_json::Value>(data).unwrap()["code"].as_str().unwrap().to_owned()
    }

    fn event(data: &str) -> Frame {
        Frame::new(None, "x", data)
    }

    #[tokio::test]
    async fn what_is_produced_is_sent_to_its_end() {
        let body = opened(listener(), |outlet| async move {
            outlet.send(event("1")).await?;
            outlet.send(event("2")).await
        });
        assert_eq!(rest(body).await, "event: x\ndata: 1\n\nevent: x\ndata: 2\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_comments() {
        let body = opened(listener(), |outlet| async move {
            outlet.send(event("1")).await?;
            pending().await
        });
        let begun = Instant::now();
        let mut chunks = body.into_data_stream();
        let mut next = async || chunks.next().await.unwrap().unwrap();
        assert_eq!(next().await, "event: x\ndata: 1\n\n");
        assert_eq!((next().await, next().await), (":\n\n".into(), ":\n\n".into()));
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_too_slowly_is_cut_off_and_told() {
        let (told, cut) = tokio::sync::oneshot::channel();
        let body = opened(listener(), |outlet| async move {
            let refused = loop {
                if let Err(refused) = outlet.send(event("1")).await {
                    break refused;
                }
            };
            told.send(()).unwrap();
            Err(refused)
        });
        // Nobody reads meanwhile.
        tokio::time::timeout(Duration::from_secs(60), cut).await.unwrap().unwrap();
        assert_eq!(code(&rest(body).await), "FELL_BEHIND");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_expire_while_their_stream_is_open() {
        let body = opened(listener(), |_| pending());
        let text = rest(body).await;
        assert_eq!(code(text.trim_start_matches(":\n\n")), "TOKEN_EXPIRED");
    }

    #[tokio::test]
    async fn what_waits_is_not_sent_after_the_end() {
        let listener = listener();
        let shutdown = listener.shutdown.clone();
        let body = opened(listener, |outlet| async move {
            outlet.send(event("1")).await?;
            pending().await
        });
        shutdown.begin();
        assert!(shutdown.wait().await);
        assert_eq!(code(&rest(body).await), "UNAVAILABLE");
    }

    #[tokio::test]
    async fn the_task_ends_with_its_reader() {
        let listener = listener();
        let shutdown = listener.shutdown.clone();
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let body = opened(listener, |_| async move {
            let _alive = alive;
            pending().await
        });
        drop(body);
        assert!(gone.await.is_err());
        assert!(!shutdown.has_begun());
    }
}
