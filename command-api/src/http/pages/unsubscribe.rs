//! What the last link of a mail opens: the end of such mails. Looking at it changes nothing, as scanners look at links too;
//! mail programs post to it at one click (RFC 8058).

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use service::{
    problem::{Code, Problem},
    request::RequestContext,
};

use crate::http::{app::App, problems::problem};

const PAGE: &str = include_str!("unsubscribe.html");
/// What a mail program posts, and the button of the page too.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

const QUESTION: &str = "<p>Get no more such mails?</p>\n    <p lang=\"ko\">이 메일을 그만 받으시겠습니까?</p>\n    \
     <form method=\"post\">\n      <input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\n      \
     <button>No more such mails · 그만 받기</button>\n    </form>";
const DONE: &str = "<p>You get no more such mails. In your settings you can have them again.</p>\n    \
     <p lang=\"ko\">이제 이 메일을 보내지 않습니다. 설정에서 다시 받을 수 있습니다.</p>";

/// It loads nothing but its style, and sends to itself only.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Its path.
pub(crate) const UNSUBSCRIBE: &str = "/auth/unsubscribe/{token}";

/// The page, below PUBLIC_URL as the API is.
pub(super) fn router(app: App) -> Router {
    Router::new().route(UNSUBSCRIBE, get(ask).post(stop)).with_state(app)
}

async fn ask(State(app): State<App>, Path(token): Path<String>) -> Result<Response, Problem> {
    app.auth.mailing(&token).map_err(|_| Problem::new(Code::NotFound))?;
    Ok(page(QUESTION))
}

async fn stop(
    State(app): State<App>,
    Path(token): Path<String>,
    context: RequestContext,
    body: Bytes,
) -> Result<Response, Problem> {
    app.auth.mailing(&token).map_err(|_| Problem::new(Code::NotFound))?;
    if body != ONE_CLICK {
        return Err(Problem::new(Code::ValidationFailed));
    }
    let caller = app.anonymous(&context);
    app.auth.stop_mails(&token, caller, context.client()).await.map_err(problem)?;
    Ok(page(DONE))
}

fn page(content: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, PAGE.replace("{content}", content)).into_response()
}
