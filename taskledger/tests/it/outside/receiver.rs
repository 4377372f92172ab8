//! A receiver of changes that can be in any mood, and remembers every call.

use std::collections::HashMap;
use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header::LOCATION};
use axum::response::{Html, IntoResponse, Response};
use axum::{
    Json, Router,
    routing::{any, post},
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};
use uuid::Uuid;

use crate::pushes::token;

/// How a call is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It is taken, and that is said.
    Takes,
    /// It is taken, and nothing is said.
    TakesAndHangs,
    /// 503.
    Fails,
    /// Nothing is said.
    Hangs,
    /// The answer begins and does not end.
    Drips,
    /// Something else answers: success in its words, or the way to somebody else.
    Lies,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The event's id, wherever this sort has it.
    pub(crate) key: Uuid,
    pub(crate) task: String,
    /// Of the task; of a note to a device its position.
    pub(crate) version: i64,
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) mood: Mood,
}

/// What sort of receiver it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Webhook,
    CoreSystem,
    Phones,
}

#[derive(Clone)]
struct Memory {
    sort: Sort,
    kept: Arc<Mutex<(Mood, Vec<Call>)>>,
}

/// Serves until dropped.
pub(crate) struct Receiver {
    memory: Memory,
    pub(crate) url: String,
    serving: AbortHandle,
}

impl Receiver {
    /// In the mood to take everything.
    pub(crate) async fn start(sort: Sort) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let memory = Memory { sort, kept: Arc::new(Mutex::new((Mood::Takes, Vec::new()))) };
        let router = Router::new().route("/token", post(token)).fallback(any(take));
        let router = router.with_state(memory.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { memory, url, serving }
    }

    /// How it meets calls from now on.
    pub(crate) fn is(&self, mood: Mood) {
        self.memory.kept().0 = mood;
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.memory.kept().1.clone()
    }

    /// Calls that were met so.
    pub(crate) fn met(&self, mood: Mood) -> usize {
        self.memory.kept().1.iter().filter(|call| call.mood == mood).count()
    }

    /// What was taken, each key once, as versions by task in the order in which they came.
    pub(crate) fn taken(&self) -> HashMap<String, Vec<(Uuid, i64)>> {
        let mut taken: HashMap<String, Vec<(Uuid, i64)>> = HashMap::new();
        for call in self.calls() {
            let of_task = taken.entry(call.task).or_default();
            let known = of_task.iter().any(|(key, _)| *key == call.key);
            if matches!(call.mood, Mood::Takes | Mood::TakesAndHangs) && !known {
                of_task.push((call.key, call.version));
            }
        }
        taken
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, (Mood, Vec<Call>)> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, headers: &HeaderMap, body: Bytes) -> Mood {
        let told: Value = serde_json::from_slice(&body).expect("JSON");
        let header = |name: &str| headers[name].to_str().expect("a text").to_owned();
        let (key, event, task, version) = match self.sort {
            Sort::Webhook => (header("webhook-id"), &told["id"], &told["subject"], &told["aggregateversion"]),
            Sort::CoreSystem => {
                (header("idempotency-key"), &told["id"], &told["subject"], &told["aggregateversion"])
            }
            Sort::Phones => {
                assert_eq!(header("authorization"), "Bearer ya29.demo");
                let data = &told["message"]["data"];
                (text(&data["event_id"]), &data["event_id"], &data["task_id"], &data["position"])
            }
        };
        assert_eq!(*event, key);
        let version = version.as_i64().unwrap_or_else(|| text(version).parse().expect("a number"));
        let (key, task) = (key.parse().expect("an id"), text(task));
        let mut kept = self.kept();
        let mood = kept.0;
        let headers = headers.clone();
        kept.1.push(Call { key, task, version, body, headers, mood });
        mood
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn take(State(memory): State<Memory>, headers: HeaderMap, body: Bytes) -> Response {
    match (memory.note(&headers, body), memory.sort) {
        (Mood::Takes, Sort::Phones) => Json(json!({"name": "projects/demo/messages/1"})).into_response(),
        (Mood::Takes, Sort::Webhook | Sort::CoreSystem) => {
            Json(json!({"success": true, "code": "OK", "message": "", "retryable": false})).into_response()
        }
        (Mood::Hangs | Mood::TakesAndHangs, _) => future::pending().await,
        (Mood::Fails, _) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (Mood::Drips, _) => {
            let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"{\"success\": tr"))]);
            Body::from_stream(first.chain(stream::pending())).into_response()
        }
        (Mood::Lies, Sort::Webhook) => {
            (StatusCode::FOUND, [(LOCATION, "http://127.0.0.1:9/elsewhere")]).into_response()
        }
        // Not the words of who would know that the app is gone.
        (Mood::Lies, Sort::Phones) => (StatusCode::NOT_FOUND, "no such page").into_response(),
        (Mood::Lies, Sort::CoreSystem) => Html("<h1>success</h1>").into_response(),
    }
}
