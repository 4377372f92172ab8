//! The pages that mailed links open, and the one where logins by outside providers end. They hold nothing of anybody: the token stays in the browser until it is posted.

mod unsubscribe;

pub(crate) use unsubscribe::UNSUBSCRIBE;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};

use super::App;

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// Only what is served here runs, and only here it may send anything.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The pages, below PUBLIC_URL as the API is.
pub(crate) fn router(app: App) -> Router {
    let page = |name: &str| {
        let html = PAGE.replace("{page}", name);
        get(async move || served("text/html; charset=utf-8", html))
    };
    Router::new()
        .route("/auth/verify", page("verify"))
        .route("/auth/reset", page("reset"))
        .route("/auth/entered", page("entered"))
        .route("/auth/page.js", get(async || served("text/javascript; charset=utf-8", SCRIPT)))
        .route("/auth/page.css", get(async || served("text/css; charset=utf-8", STYLE)))
        .merge(unsubscribe::router(app))
}

fn served(media_type: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, body)
}
