//! The refresh token in a cookie, for pages: scripts cannot read it, and only our own pages may use it.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use service::{
    http::Origin,
    problem::{Code, Problem},
};

use super::cookies;

/// Browsers take it over https (and from localhost) only, and send it to `/v1/auth` only.
const NAME: &str = "__Secure-refresh";
const ATTRIBUTES: &str = "Path=/v1/auth; HttpOnly; Secure; SameSite=Strict";

/// The token in the cookie; none if there is no cookie, or more than one.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    cookies::only(headers, NAME)
}

/// Browsers say with every POST which page sends it.
pub(super) fn check_origin(allowed: &[Origin], headers: &HeaderMap) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN);
    let ours = origin.is_some_and(|origin| allowed.iter().any(|one| one.is(origin)));
    if ours { Ok(()) } else { Err(Code::Forbidden.into()) }
}

/// `Set-Cookie` that keeps the token for so long.
pub(super) fn set(token: &str, lifetime: TimeDelta) -> Option<HeaderValue> {
    let seconds = lifetime.num_seconds().max(0);
    HeaderValue::from_str(&format!("{NAME}={token}; Max-Age={seconds}; {ATTRIBUTES}")).ok()
}

/// `Set-Cookie` that takes it away.
pub(super) fn clear() -> Option<HeaderValue> {
    set("", TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect()
    }

    #[test]
    fn exactly_one_cookie_is_read() {
        assert_eq!(read(&headers(&["a=b; __Secure-refresh=tlr_x; c=d"])), Some("tlr_x"));
        assert_eq!(read(&headers(&["a=b", "__Secure-refresh=tlr_x"])), Some("tlr_x"));
        for bad in ["", "refresh=x", "__secure-refresh=x", "__Secure-refresh", "x__Secure-refresh=x"] {
            assert_eq!(read(&headers(&[bad])), None, "{bad}");
        }
        assert_eq!(read(&headers(&["__Secure-refresh=x; __Secure-refresh=y"])), None);
    }
}
