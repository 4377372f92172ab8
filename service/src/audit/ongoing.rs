//! What is done while an answer goes on.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{Method, StatusCode, request::Parts},
};

use super::{
    Audit, Outcome, Record, Target,
    layer::{Refusal, Seen},
    routes::Route,
    trail::Facts,
};
use crate::{auth::Witness, request::RequestContext};

/// Keeps records of what a stream's client does after the answer has begun. Cheap to clone; one that nobody put there leads
/// nowhere.
#[derive(Clone, Debug, Default)]
pub struct Ongoing(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    audit: Audit,
    route: Route,
    context: RequestContext,
    witness: Witness,
}

impl Ongoing {
    pub(super) fn new(audit: &Audit, route: &Route, context: &RequestContext, witness: &Witness) -> Self {
        let (audit, route) = (audit.clone(), route.clone());
        Self(Some(Arc::new(Inner { audit, route, context: context.clone(), witness: witness.clone() })))
    }

    /// This was done, to that: another operation, by its tag and name. What is written like a query.
    pub fn did(&self, action: &str, target: Target, what: String) {
        let Some(Inner { audit, route, context, witness }) = self.0.as_deref() else { return };
        let seen = Seen { route, context, method: &Method::POST, query: "", witness };
        let facts = Facts { done: Some((target, what)), ..Facts::default() };
        let done = Refusal { status: StatusCode::OK, code: None, hidden: false };
        audit.keep(Record { action: action.into(), ..seen.record(&facts, Outcome::Success, done) });
    }
}

impl<S: Sync> FromRequestParts<S> for Ongoing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
