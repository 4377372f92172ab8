//! What the browser of a login remembers, and where it goes in the end.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::Url;
use service::{
    config::PublicUrl,
    problem::{Flaw, Problem},
    request::RequestContext,
};

use crate::{
    auth::Admission,
    http::{app::App, auth::NO_STORE, cookies, refresh_cookie},
    oidc::Begun,
};

/// Each login has a cookie of its own, so that two of them at a time do not meet.
const COOKIE: &str = "__Secure-oidc-";
/// So many characters of the state name the cookie.
const NAMING: usize = 12;
/// The provider sends the browser back by a link from elsewhere, so not Strict.
const ATTRIBUTES: &str = "Path=/v1/auth/oidc; HttpOnly; Secure; SameSite=Lax";
/// Seconds; what it holds says itself how long it is good.
const MAX_AGE: u32 = 600;
/// Where the browser may be sent in the end.
const MAX_RETURN: usize = 512;

/// A page of PUBLIC_URL: nobody can be sent elsewhere by a link that begins here.
pub(super) fn return_to(public_url: &PublicUrl, path: &str) -> Result<String, Flaw> {
    const EXPECTED: &str = "a path of this site such as /tasks?mine=1, without #";
    let flaw = || Flaw::new("MALFORMED").param("expected", EXPECTED).detail(format!("must be {EXPECTED}"));
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= MAX_RETURN
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#".contains(&byte));
    let base = Url::parse(public_url.as_str()).map_err(|_| flaw())?;
    let url = base.join(path).ok().filter(|url| plain && url.origin() == base.origin());
    url.map(String::from).ok_or_else(flaw)
}

/// The page for those who come without one.
pub(super) fn own_page(public_url: &PublicUrl) -> String {
    format!("{public_url}/auth/entered")
}

/// `303`, kept by nobody.
pub(super) fn see_other(url: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, NO_STORE)]).into_response();
    response.headers_mut().extend(HeaderValue::from_str(url).ok().map(|url| (header::LOCATION, url)));
    response
}

fn name(state: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let naming = state.get(..NAMING).filter(|naming| naming.bytes().all(plain))?;
    Some(format!("{COOKIE}{naming}"))
}

/// `Set-Cookie` that binds a login to the browser.
pub(super) fn remember(begun: &Begun) -> Option<(HeaderName, HeaderValue)> {
    set_cookie(&begun.state, &begun.sealed, MAX_AGE)
}

/// `Set-Cookie` that takes it away.
pub(super) fn forget(state: &str) -> Option<(HeaderName, HeaderValue)> {
    set_cookie(state, "", 0)
}

fn set_cookie(state: &str, value: &str, max_age: u32) -> Option<(HeaderName, HeaderValue)> {
    let cookie = format!("{}={value}; Max-Age={max_age}; {ATTRIBUTES}", name(state)?);
    Some((header::SET_COOKIE, HeaderValue::from_str(&cookie).ok()?))
}

/// What the browser remembers of the login with this state.
pub(super) fn remembered<'h>(headers: &'h HeaderMap, state: &str) -> Option<&'h str> {
    cookies::only(headers, &name(state)?)
}

/// Where a login ends.
pub(super) struct Ending {
    url: String,
    cookie: Option<HeaderValue>,
}

impl Ending {
    /// At this page.
    pub(super) fn at(url: String) -> Self {
        Self { url, cookie: None }
    }

    /// With a token behind the `#`, which browsers send to nobody.
    pub(super) fn with(self, name: &str, token: String) -> Self {
        Self { url: format!("{}#{name}={token}", self.url), ..self }
    }

    /// With the refresh token in its cookie.
    pub(super) fn keeping(self, admission: &Admission) -> Self {
        let cookie = refresh_cookie::set(&admission.refresh_token, admission.refresh_within);
        Self { cookie, ..self }
    }

    pub(super) fn response(self) -> Response {
        let mut response = see_other(&self.url);
        response.headers_mut().extend(self.cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        response
    }
}

/// A refusal: for people on our page, for programs as everywhere.
pub(super) fn refused(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    problem: Problem,
) -> Response {
    if !is_for_people(headers) {
        return problem.into_response();
    }
    let (code, id) = (problem.code(), context.request_id());
    if let Some(cause) = problem.cause() {
        tracing::warn!(code = code.as_str(), request = %id, %cause, "a login by an outside provider has failed");
    }
    let url = own_page(&app.public_url);
    let mut response = see_other(&format!("{url}#problem={}&request_id={id}", code.as_str()));
    response.extensions_mut().insert(code);
    response
}

/// Browsers that follow a link ask for a page.
fn is_for_people(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        let public_url: PublicUrl = "https://tasks.example.com/app".parse().unwrap();
        let to = |path: &str| return_to(&public_url, path).ok();
        assert_eq!(to("/"), Some("https://tasks.example.com/".into()));
        assert_eq!(to("/a/../b?c=d%20e"), Some("https://tasks.example.com/b?c=d%20e".into()));
        for bad in [
            "",
            "tasks",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a#b",
            "/a b",
            "/\u{e9}",
            "/\tx",
            "javascript:alert(1)",
        ] {
            assert_eq!(to(bad), None, "{bad}");
        }
        assert_eq!(to(&format!("/{}", "a".repeat(MAX_RETURN))), None);
    }

    #[test]
    fn a_cookie_has_the_name_of_its_login() {
        let begun = Begun { url: String::new(), state: "abcdefghijklmnop".into(), sealed: "x".into() };
        let (_, cookie) = remember(&begun).unwrap();
        assert!(
            cookie
                .to_str()
                .unwrap()
                .starts_with("__Secure-oidc-abcdefghijkl=x; Max-Age=600; Path=/v1/auth/oidc;")
        );
        let headers: HeaderMap = [(header::COOKIE, HeaderValue::from_static("__Secure-oidc-abcdefghijkl=x"))]
            .into_iter()
            .collect();
        assert_eq!(remembered(&headers, &begun.state), Some("x"));
        for other in ["short", "abcdefghijkx", "abcdefghij;l", ""] {
            assert_eq!(remembered(&headers, other), None, "{other}");
        }
    }
}
