//! `POST /events`

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use serde_json::json;

use super::{CoreSystem, Trouble, control::Mode, store::Change};

/// Longer than anybody waits.
const SLOW: Duration = Duration::from_secs(30);

/// Takes a change as it is told to by `/control`.
pub(super) async fn take(
    State(core): State<CoreSystem>,
    headers: HeaderMap,
    Json(change): Json<Change>,
) -> Result<Response, Trouble> {
    if !core.knows(&headers) {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    if headers.get("idempotency-key").is_none_or(|key| key.as_bytes() != change.id.to_string().as_bytes()) {
        return Ok(said(false, "KEY_MISSING", "The key must be the event's id", false));
    }
    Ok(match core.control.mode(change.subject) {
        Mode::Ok => {
            core.store.take(&change).await?;
            said(true, "OK", "", false)
        }
        Mode::Slow => {
            core.store.take(&change).await?;
            tokio::time::sleep(SLOW).await;
            said(true, "OK", "", false)
        }
        Mode::Down => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]).into_response(),
        Mode::Retryable => said(false, "DAY_CLOSED", "End-of-day processing is running", true),
        Mode::Reject => said(false, "UNKNOWN_CUSTOMER", "There is no such customer", false),
        Mode::Lie => Html("<h1>Please log in</h1>").into_response(),
    })
}

fn said(success: bool, code: &str, message: &str, retryable: bool) -> Response {
    let body = json!({"success": success, "code": code, "message": message, "retryable": retryable});
    Json(body).into_response()
}

impl CoreSystem {
    /// Whether the caller shows the token that is wanted.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = headers.get("authorization").and_then(|value| value.to_str().ok());
        shown.and_then(|shown| shown.strip_prefix("Bearer ")) == Some(&**token)
    }
}
