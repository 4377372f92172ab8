//! What `type` resolves to: one small page per code, and the list of all.

use std::fmt::Write;

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use super::{Code, Language, Problem};

/// `/problems` and `/problems/{code}`.
pub(crate) fn router() -> Router {
    Router::new().route("/problems", get(index)).route("/problems/{code}", get(one))
}

async fn index(headers: HeaderMap) -> Html<String> {
    page(language(&headers), Code::ALL)
}

async fn one(Path(code): Path<String>, headers: HeaderMap) -> Response {
    match Code::parse(&code) {
        Some(code) => page(language(&headers), &[code]).into_response(),
        None => Problem::new(Code::NotFound).into_response(),
    }
}

fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::negotiate(wanted.unwrap_or_default())
}

fn page(language: Language, codes: &[Code]) -> Html<String> {
    let mut html = format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>Taskledger</title>",
        language.tag()
    );
    for code in codes {
        let (name, status) = (code.as_str(), code.status().as_u16());
        let (title, detail) = (code.title(language), code.detail(language));
        // Writing to a String cannot fail.
        let _ = write!(html, "<h2 id=\"{name}\">{name} ({status})</h2><p>{title}.</p><p>{detail}</p>");
    }
    Html(html)
}
