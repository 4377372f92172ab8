//! `/livez` says that the process runs, `/readyz` that it can do its work.

use std::{
    pin::Pin,
    sync::{Arc, RwLock},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::shutdown::Shutdown;

/// A check that takes longer has failed.
const CHECK_DEADLINE: Duration = Duration::from_secs(1);

type Outcome = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> Outcome + Send + Sync>;

/// The checks of a process; each part adds its own. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<RwLock<Vec<(&'static str, Check)>>>,
}

impl Health {
    /// Adds a check. Its error is shown to whoever asks: a word or two, nothing internal.
    pub fn check<F, R>(&self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        if let Ok(mut checks) = self.checks.write() {
            checks.push((name, check));
        }
    }

    /// Runs all checks at once: each name with its error, if any.
    pub async fn run(&self) -> Vec<(&'static str, Result<(), String>)> {
        let checks = self.checks.read().map(|checks| checks.clone()).unwrap_or_default();
        join_all(checks.into_iter().map(|(name, check)| async move {
            let outcome = tokio::time::timeout(CHECK_DEADLINE, check()).await;
            (name, outcome.unwrap_or_else(|_| Err("timed out".to_owned())))
        }))
        .await
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Health")
    }
}

/// `/livez` and `/readyz`; a process that is shutting down is alive and not ready.
pub fn router(health: Health, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/livez", get(async || Json(json!({"status": "alive"}))))
        .route("/readyz", get(ready))
        .with_state((health, shutdown))
}

async fn ready(State((health, shutdown)): State<(Health, Shutdown)>) -> (StatusCode, Json<Value>) {
    let outcomes = health.run().await;
    let stopping = shutdown.has_begun();
    let good = !stopping && outcomes.iter().all(|(_, outcome)| outcome.is_ok());
    let checks: Map<String, Value> =
        outcomes.into_iter().map(|(name, outcome)| (name.to_owned(), shown(outcome))).collect();
    let status = match (good, stopping) {
        (true, _) => "ready",
        (false, true) => "stopping",
        (false, false) => "not ready",
    };
    let code = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({"status": status, "checks": checks})))
}

fn shown(outcome: Result<(), String>) -> Value {
    outcome.map_or_else(Value::from, |()| Value::from("ok"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_failing_or_slow_check_is_enough() {
        let (health, shutdown) = (Health::default(), Shutdown::default());
        let answer = async || ready(State((health.clone(), shutdown.clone()))).await;
        assert_eq!(answer().await.0, StatusCode::OK);
        health.check("postgres", async || Ok(()));
        health.check("nats", async || std::future::pending().await);
        let (status, Json(body)) = answer().await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["checks"], json!({"postgres": "ok", "nats": "timed out"}));
    }

    #[tokio::test]
    async fn a_stopping_process_is_not_ready() {
        let shutdown = Shutdown::default();
        shutdown.begin();
        let (status, Json(body)) = ready(State((Health::default(), shutdown))).await;
        assert_eq!((status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("stopping")));
    }
}
