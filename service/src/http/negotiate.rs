//! Which of several media types a client would rather have.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use crate::problem::weighted;

/// A stream of server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";

/// Whether the client would rather have a stream of events than one answer in JSON: an argument of handlers that have both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefersStream(pub bool);

/// How exactly a media range names a type: not at all, `*/*`, `text/*` or by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Naming {
    Anything,
    Family,
    Name,
}

impl Naming {
    pub(super) fn of(range: &str, offered: &str) -> Option<Self> {
        let family = range.strip_suffix("/*");
        if range.eq_ignore_ascii_case(offered) {
            Some(Self::Name)
        } else if range == "*/*" {
            Some(Self::Anything)
        } else {
            let in_it = family.is_some_and(|family| offered.split('/').next() == Some(family));
            in_it.then_some(Self::Family)
        }
    }
}

/// The client's weight for a type, which its most exact range gives, and how exact that is.
fn quality_of(headers: &HeaderMap, offered: &str) -> (u16, Option<Naming>) {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let ranges = lines.flat_map(|line| line.split(',')).map(weighted);
    let fitting = ranges.filter_map(|(range, quality)| Some((Naming::of(range, offered)?, quality)));
    let best = fitting.max_by_key(|(naming, _)| *naming);
    best.map_or((0, None), |(naming, quality)| (quality, Some(naming)))
}

impl<S: Sync> FromRequestParts<S> for PrefersStream {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let of = |offered| quality_of(&parts.headers, offered);
        Ok(Self(of(EVENT_STREAM) > of("application/json")))
    }
}

/// Whether the client says that it can read gzip: an argument of handlers that have something compressed to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptsGzip(pub bool);

impl<S: Sync> FromRequestParts<S> for AcceptsGzip {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let lines = parts.headers.get_all(header::ACCEPT_ENCODING).iter();
        let mut codings =
            lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(weighted);
        Ok(Self(codings.any(|(coding, quality)| coding.eq_ignore_ascii_case("gzip") && quality > 0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gzip_is_sent_to_whoever_names_it() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("deflate, br", false),
            ("*", false),
            ("", false),
        ] {
            let request = axum::http::Request::get("/").header("accept-encoding", accepted).body(()).unwrap();
            let Ok(AcceptsGzip(yes)) =
                AcceptsGzip::from_request_parts(&mut request.into_parts().0, &()).await;
            assert_eq!(yes, expected, "{accepted}");
        }
    }

    async fn prefers_stream(accept: &str) -> bool {
        let request = axum::http::Request::get("/").header("accept", accept).body(()).unwrap();
        let Ok(PrefersStream(yes)) =
            PrefersStream::from_request_parts(&mut request.into_parts().0, &()).await;
        yes
    }

    #[tokio::test]
    async fn the_heavier_type_wins_and_of_equals_the_one_that_is_named() {
        for stream in [
            "text/event-stream",
            "Text/Event-Stream",
            "text/event-stream, application/json;q=0.9",
            "*/*;q=0.1, text/event-stream",
            "text/event-stream, */*",
            "text/*",
        ] {
            assert!(prefers_stream(stream).await, "{stream}");
        }
        for json in [
            "*/*",
            "application/json",
            "application/json, text/event-stream",
            "text/event-stream;q=0, */*",
            "text/event-stream;q=0.5, */*",
            "text/html",
            "",
        ] {
            assert!(!prefers_stream(json).await, "{json}");
        }
    }
}
