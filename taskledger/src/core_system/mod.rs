//! `core`: a core system to try the Interface API with. It keeps what it is told in a database of its own, misbehaves when it
//! is told to, and acts on tasks itself.

mod arguments;
mod back;
mod checksums;
mod control;
mod events;
mod store;
mod tasks;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use service::{http::Limits, shutdown::Shutdown};
use tokio::net::TcpListener;

pub(crate) use arguments::Core;

use crate::{error::Failure, say};
use back::Back;
use control::Control;
use store::Store;

/// What is logged where `RUST_LOG` says nothing.
const QUIET: &str = "warn";

/// What every route has.
#[derive(Clone)]
struct CoreSystem {
    store: Store,
    control: Control,
    back: Option<Arc<Back>>,
    /// Whoever tells it something shows this.
    token: Option<Arc<str>>,
}

/// Serves until ctrl-c.
pub(crate) async fn run(arguments: Core) -> Result<(), Failure> {
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    service::telemetry::init(Some(arguments.log.filter.as_deref().unwrap_or(QUIET)))?;
    let address = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let listener = TcpListener::bind(address).await.map_err(|source| Failure::Listen { address, source })?;
    let address = listener.local_addr()?;
    let core = CoreSystem {
        store: Store::open(arguments.database()?.expose()).await?,
        control: Control::default(),
        back: arguments.back()?.map(Arc::new),
        token: arguments.token().map(Arc::from),
    };
    say::text(&format!("A core system answers at http://{address}; ctrl-c stops it."));
    service::http::serve(listener, router(core), Limits::default(), shutdown.clone()).await?;
    shutdown.wait().await;
    Ok(())
}

fn router(core: CoreSystem) -> Router {
    Router::new()
        // what Taskledger calls: docs/interface-api.json
        .route("/events", post(events::take))
        .route("/checksums", post(checksums::compare))
        .route("/checksums/{bucket}", post(checksums::look_into))
        // for people
        .route("/control", get(control::show).post(control::set))
        .route("/tasks/{id}", get(tasks::show))
        .route("/tasks/{id}/close", post(back::close))
        .route("/tasks/{id}/hold", post(back::hold))
        .with_state(core)
}

/// What went wrong on our side.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Store(#[from] sqlx::Error),
    #[error("{0}")]
    Back(#[from] back::BackError),
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, retry) = match self {
            Self::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]),
            Self::Back(_) => (StatusCode::BAD_GATEWAY, [("retry-after", "1")]),
        };
        (status, retry, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
