//! Endpoints of webhooks at `/0`, `/1` and so on, of which the first ones may hang, and a core system at `/core`.

use std::{
    future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use super::Arrivals;
use crate::Failure;

/// Serves until dropped.
pub(crate) struct Http {
    pub(crate) address: SocketAddr,
    pub(crate) arrivals: Arrivals,
    hanging: Arc<AtomicU64>,
    serving: AbortHandle,
}

/// Of an envelope what says how old it is.
#[derive(Deserialize)]
struct Recorded {
    recordedtime: DateTime<Utc>,
}

#[derive(Clone)]
struct Shared {
    arrivals: Arrivals,
    hanging: Arc<AtomicU64>,
}

impl Http {
    /// Listens on a free port.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared { arrivals: Arrivals::default(), hanging: Arc::default() };
        let router = Router::new()
            .route("/{endpoint}", post(webhook))
            .route("/core/events", post(core))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, arrivals: shared.arrivals, hanging: shared.hanging, serving })
    }

    /// The endpoints before this one take calls from now on and never answer.
    pub(crate) fn hang(&self, before: u64) {
        self.hanging.store(before, Ordering::Relaxed);
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn webhook(State(shared): State<Shared>, Path(endpoint): Path<u64>, body: Bytes) -> StatusCode {
    if endpoint < shared.hanging.load(Ordering::Relaxed) {
        future::pending::<()>().await;
    }
    note(&shared.arrivals, endpoint, &body)
}

async fn core(State(shared): State<Shared>, body: Bytes) -> (StatusCode, Json<Value>) {
    let status = note(&shared.arrivals, 0, &body);
    (status, Json(json!({"success": true, "code": "OK", "message": "", "retryable": false})))
}

fn note(arrivals: &Arrivals, endpoint: u64, body: &[u8]) -> StatusCode {
    let Ok(Recorded { recordedtime }) = serde_json::from_slice(body) else {
        return StatusCode::BAD_REQUEST;
    };
    arrivals.note(endpoint, (Utc::now() - recordedtime).to_std().unwrap_or_default());
    StatusCode::OK
}
