//! A receiver that keeps what it gets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
    routing::any,
};
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
pub(super) struct Got {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Clone, Default)]
struct Kept {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<VecDeque<Response>>>,
}

/// Answers as it is told, then with 204.
pub(super) struct Receiver {
    kept: Kept,
    served: Served,
}

impl Receiver {
    pub(super) async fn start<A: IntoResponse>(answers: impl IntoIterator<Item = A>) -> Self {
        let answers = answers.into_iter().map(IntoResponse::into_response).collect();
        let kept = Kept { answers: Arc::new(Mutex::new(answers)), ..Kept::default() };
        let router = Router::new().fallback(any(keep)).with_state(kept.clone());
        Self { kept, served: Served::start(|_| router).await }
    }

    pub(super) fn url(&self) -> &Url {
        &self.served.url
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.kept.got.lock().unwrap().clone()
    }
}

async fn keep(State(kept): State<Kept>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    kept.got.lock().unwrap().push(Got { path: uri.path().to_owned(), headers, body });
    let answer = kept.answers.lock().unwrap().pop_front();
    answer.unwrap_or_else(|| axum::http::StatusCode::NO_CONTENT.into_response())
}

/// As patient as a client can be.
pub(super) fn client() -> Client {
    let mut options = Options::default();
    options.limits.connect = std::time::Duration::from_secs(120);
    options.limits.whole = std::time::Duration::from_secs(120);
    Client::new(options).unwrap()
}
