//! A receiver that keeps what it gets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::future::BoxFuture;
use service::outbound::{Client, Options, Url};
use tokio::{net::TcpListener, task::AbortHandle};

/// Serves until dropped.
pub(crate) struct Served {
    pub(crate) url: Url,
    running: AbortHandle,
}

impl Served {
    pub(crate) async fn start(router: impl FnOnce(&Url) -> Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router = router(&url);
        let running = tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, running: running.abort_handle() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

type Script = dyn Fn(&Got) -> BoxFuture<'static, Response> + Send + Sync;

#[derive(Clone)]
struct Kept {
    got: Arc<Mutex<Vec<Got>>>,
    script: Arc<Script>,
}

/// Answers as it is told.
pub(crate) struct Receiver {
    kept: Kept,
    served: Served,
}

impl Receiver {
    /// Gives these answers, then 204.
    pub(crate) async fn start<A: IntoResponse>(answers: impl IntoIterator<Item = A>) -> Self {
        let answers: VecDeque<_> = answers.into_iter().map(IntoResponse::into_response).collect();
        let answers = Mutex::new(answers);
        Self::scripted(move |_| {
            let answer = answers.lock().unwrap().pop_front();
            let answer = answer.unwrap_or_else(|| StatusCode::NO_CONTENT.into_response());
            Box::pin(async { answer })
        })
        .await
    }

    pub(crate) async fn scripted(
        script: impl Fn(&Got) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        let kept = Kept { got: Arc::default(), script: Arc::new(script) };
        let router = Router::new().fallback(any(keep)).with_state(kept.clone());
        Self { kept, served: Served::start(|_| router).await }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.served.url
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.kept.got.lock().unwrap().clone()
    }
}

async fn keep(State(kept): State<Kept>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let got = Got { path: uri.path().to_owned(), headers, body };
    let answer = (kept.script)(&got);
    kept.got.lock().unwrap().push(got);
    answer.await
}

/// As patient as a client can be.
pub(crate) fn client() -> Client {
    let mut options = Options::default();
    options.limits.connect = std::time::Duration::from_secs(120);
    options.limits.whole = std::time::Duration::from_secs(120);
    Client::new(options).unwrap()
}
