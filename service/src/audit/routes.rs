//! Which requests there are, and what of them is kept.

use std::{collections::HashMap, sync::Arc};

use axum::http::Method;
use utoipa::openapi::{OpenApi, path::Operation};

use super::{Audit, Outcome, layer::Refusal};
use crate::problem::Code;

/// The layer over all routes of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) audit: Audit,
    routes: Arc<HashMap<String, HashMap<Method, Route>>>,
}

/// What a service says of its operations, each by its tag and name. Refusals are kept of all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    /// Kept whenever they are done; other commands only where they have left no event.
    pub done: &'static [&'static str],
    /// Commands that are done again and again by themselves, and then not kept.
    pub routine: &'static [&'static str],
    /// Posted, but changing nothing.
    pub queries: &'static [&'static str],
    /// Routes that no document names.
    pub others: &'static [Other],
}

/// A route that no document names; all of them are posted to.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// As the router has it.
    pub path: &'static str,
    /// Tag and name, as operations have them.
    pub action: &'static str,
    /// Whether it needs no token.
    pub public: bool,
    /// Whether it streams, so that something may be done after its answer has begun.
    pub streams: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Tag and name of the operation.
    pub(super) action: Arc<str>,
    pub(super) template: Arc<str>,
    /// `POST /v1/tasks/{id}/start`
    pub(super) named: Arc<str>,
    /// Needs no token: who is refused has shown something else that was wrong.
    pub(super) public: bool,
    pub(super) reads: bool,
    pub(super) streams: bool,
    /// Kept whenever it is done.
    kept: bool,
    /// Not kept though it has left no event.
    routine: bool,
}

impl Watch {
    /// Knows the operations by the names that the document has for them.
    pub fn new(audit: Audit, document: &OpenApi, kept: Kept) -> Self {
        let mut routes: HashMap<String, HashMap<Method, Route>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                let route = operation.as_ref().map(|operation| Route::new(path, &method, operation, kept));
                routes.entry(path.clone()).or_default().extend(route.map(|route| (method, route)));
            }
        }
        for other in kept.others {
            routes.entry(other.path.to_owned()).or_default().insert(Method::POST, Route::of(other));
        }
        Self { audit, routes: Arc::new(routes) }
    }

    pub(super) fn route(&self, path: &str, method: &Method) -> Option<&Route> {
        // Asking for the head of an answer is asking.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.get(path)?.get(method)
    }
}

impl Route {
    fn new(path: &str, method: &Method, operation: &Operation, kept: Kept) -> Self {
        let tag = operation.tags.iter().flatten().next().map_or("other", String::as_str);
        let name = operation.operation_id.as_deref().unwrap_or("other");
        let action = format!("{tag}.{name}");
        let policy = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-policy"));
        let is_one_of = |actions: &[&str]| actions.contains(&action.as_str());
        Self {
            kept: is_one_of(kept.done),
            routine: is_one_of(kept.routine),
            reads: method == Method::GET || is_one_of(kept.queries),
            action: action.into(),
            template: path.into(),
            named: format!("{method} {path}").into(),
            public: policy.is_some_and(|policy| policy == "public"),
            streams: false,
        }
    }

    fn of(other: &Other) -> Self {
        Self {
            action: other.action.into(),
            template: other.path.into(),
            named: format!("POST {}", other.path).into(),
            public: other.public,
            reads: other.streams,
            streams: other.streams,
            kept: false,
            routine: false,
        }
    }

    /// Whether an answer is kept, and as what. A token that has grown old is refreshed every day; a read that was not understood,
    /// or failed, has shown nothing to anybody.
    pub(super) fn judge(&self, refusal: &Refusal, known: bool, eventless: bool) -> Option<Outcome> {
        match refusal.status.as_u16() {
            200..300 => {
                let unknown_otherwise = eventless && !self.reads && !self.routine;
                (self.kept || unknown_otherwise).then_some(Outcome::Success)
            }
            401 if self.public => Some(Outcome::Failure),
            401 if known => Some(Outcome::Denied),
            401 => (!matches!(refusal.code, Some(Code::TokenExpired | Code::TokenStale)))
                .then_some(Outcome::Denied),
            // Who looks for what is not there was refused nothing.
            404 if self.reads => refusal.hidden.then_some(Outcome::Denied),
            403 | 404 | 429 => Some(Outcome::Denied),
            409 | 412 | 422 => Some(Outcome::Failure),
            400..600 => (!self.reads).then_some(Outcome::Failure),
            _ => None,
        }
    }
}
