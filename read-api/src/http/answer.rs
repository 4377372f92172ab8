//! Answers: JSON with the headers of a read.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use service::{
    http::headers::{IfNoneMatch, etag},
    problem::Problem,
};

use super::fresh::Fresh;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A good answer on its way to the client.
#[derive(Debug)]
pub(super) struct Answer {
    body: Bytes,
    fresh: Option<Fresh>,
    etag: Option<HeaderValue>,
    link: Option<HeaderValue>,
}

impl Answer {
    /// An answer with this resource.
    pub(super) fn json(resource: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(resource).map(Self::rendered).map_err(Problem::internal)
    }

    /// An answer with JSON that is already rendered.
    pub(super) fn rendered(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), fresh: None, etag: None, link: None }
    }

    /// Says how fresh it is.
    pub(super) fn fresh(mut self, fresh: Fresh) -> Self {
        self.fresh = Some(fresh);
        self
    }

    /// Says which version it shows.
    pub(super) fn version(mut self, version: i64) -> Self {
        self.etag = Some(etag(version));
        self
    }

    /// Says where the next page is.
    pub(super) fn next(mut self, link: Option<HeaderValue>) -> Self {
        self.link = link;
        self
    }

    /// The answer, or 304 if the client has this version already.
    pub(super) fn unless(self, known: Option<&IfNoneMatch>) -> Response {
        let unchanged = self.etag.as_ref().is_some_and(|tag| known.is_some_and(|known| known.has(tag)));
        let mut response = self.into_response();
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
            *response.body_mut() = Body::empty();
        }
        response
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        if let Some(fresh) = self.fresh {
            fresh.tell(headers);
        }
        for (name, value) in [(header::ETAG, self.etag), (header::LINK, self.link)] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }
}
