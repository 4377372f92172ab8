//! What of the requests goes into the audit log: coming in and going out, and whatever is refused.

mod trail;

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use domain::ids::TaskKey;
use service::{
    auth::Witness,
    http::charge_address,
    problem::{Code, Problem},
    request::RequestContext,
};
use sha2::{Digest, Sha256};
use utoipa::openapi::{OpenApi, path::Operation};
use uuid::Uuid;

pub(super) use trail::Trail;

use crate::audit::{Audit, Outcome, Record, Target};

/// What is kept also when it is done: it leaves no event.
const KEPT: [&str; 8] = [
    "auth.login",
    "auth.mfa",
    "auth.oidc_callback",
    "auth.oidc_token",
    "auth.logout",
    "auth.logout_all",
    "auth.logout_others",
    "auth.end_session",
];

/// The layer over all routes that change something. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    audit: Audit,
    routes: Arc<HashMap<String, HashMap<Method, Route>>>,
}

#[derive(Debug)]
struct Route {
    /// Tag and name of the operation.
    action: Arc<str>,
    template: Arc<str>,
    /// Needs no token: who is refused has shown something else that was wrong.
    public: bool,
    kept: bool,
}

impl Watch {
    /// Knows the operations by the names that the document has for them.
    pub(crate) fn new(audit: Audit, document: &OpenApi) -> Self {
        let mut routes: HashMap<String, HashMap<Method, Route>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
                (Method::GET, &item.get),
            ];
            for (method, operation) in operations {
                let route = operation.as_ref().map(|operation| (method, Route::new(path, operation)));
                // Of what only reads, that by which somebody comes in.
                let route = route.filter(|(method, route)| *method != Method::GET || route.kept);
                routes.entry(path.clone()).or_default().extend(route);
            }
        }
        Self { audit, routes: Arc::new(routes) }
    }
}

impl Route {
    fn new(path: &str, operation: &Operation) -> Self {
        let tag = operation.tags.iter().flatten().next().map_or("other", String::as_str);
        let name = operation.operation_id.as_deref().unwrap_or("other");
        let action = format!("{tag}.{name}");
        let policy = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-policy"));
        Self {
            kept: KEPT.contains(&action.as_str()),
            action: action.into(),
            template: path.into(),
            public: policy.is_some_and(|policy| policy == "public"),
        }
    }

    /// Whether an answer is kept, and as what. Failures of ours are none of the client's.
    fn judge(&self, status: StatusCode, known: bool) -> Option<Outcome> {
        match status.as_u16() {
            200..300 => self.kept.then_some(Outcome::Success),
            401 if self.public => Some(Outcome::Failure),
            401 => known.then_some(Outcome::Denied),
            403 | 404 | 429 => Some(Outcome::Denied),
            409 | 412 | 422 => Some(Outcome::Failure),
            _ => None,
        }
    }
}

/// Lets the request pass unless its address asks too often, and keeps what is worth it.
pub(crate) async fn watch(
    State(watch): State<Watch>,
    matched: MatchedPath,
    context: RequestContext,
    mut request: Request,
    next: Next,
) -> Response {
    let routes = watch.routes.get(matched.as_str());
    let Some(route) = routes.and_then(|routes| routes.get(request.method())) else {
        return pass(&context, request, next).await;
    };
    let (trail, witness) = (Trail::default(), Witness::default());
    request.extensions_mut().insert(trail.clone());
    request.extensions_mut().insert(witness.clone());
    let (method, key) = (request.method().clone(), request.headers().get("idempotency-key").cloned());
    let response = pass(&context, request, next).await;
    let facts = trail.take();
    let record = |outcome, status: StatusCode, code| Record {
        occurred_at: Utc::now(),
        action: Arc::clone(&route.action),
        outcome,
        status: status.as_u16(),
        code,
        actor: witness.principal().map(|principal| principal.user_id).or(facts.user),
        session: witness.principal().map(|principal| principal.session_id).or(facts.session),
        about: facts.about.clone(),
        client: context.client().clone(),
        request: context.request_id().0,
        trace: context.traceparent().trace_id(),
        method: method.to_string(),
        route: Arc::clone(&route.template),
        target: target(&route.template, context.path()),
        key_hash: key.as_ref().map(hash),
        count: 1,
    };
    let status = verdict(&response);
    if let Some(outcome) = route.judge(status, witness.principal().is_some()) {
        watch.audit.keep(record(outcome, status, code_of(&response)));
    }
    for (task, status, code) in facts.refused {
        if let Some(outcome) = route.judge(status, true) {
            let target = Some(Target::new("task", task.0));
            watch.audit.keep(Record { target, ..record(outcome, status, code) });
        }
    }
    response
}

async fn pass(context: &RequestContext, request: Request, next: Next) -> Response {
    match charge_address(context, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// A browser is sent to a page whatever has become of its request.
fn verdict(response: &Response) -> StatusCode {
    if response.status().is_redirection() {
        code_of(response).map_or(StatusCode::OK, Code::status)
    } else {
        response.status()
    }
}

fn code_of(response: &Response) -> Option<Code> {
    let extensions = response.extensions();
    extensions.get::<Problem>().map(Problem::code).or_else(|| extensions.get::<Code>().copied())
}

fn hash(key: &HeaderValue) -> String {
    Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first object that the path names. What is no identifier could be anything, and is left out.
fn target(template: &str, path: &str) -> Option<Target> {
    let mut kind = "";
    for (named, given) in template.split('/').zip(path.split('/')) {
        if named.starts_with('{') {
            let known = Uuid::try_parse(given).is_ok() || given.parse::<TaskKey>().is_ok();
            let kind = kind.strip_suffix('s').unwrap_or(kind).to_owned();
            return known.then(|| Target { kind, id: given.to_owned() });
        }
        kind = named;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_are_kept_of_paths() {
        let target = |template: &str, path: &str| {
            target(template, path).map(|Target { kind, id }| format!("{kind} {id}"))
        };
        let task = "/v1/tasks/{id}/comments/{comment}";
        let id = "0191c7a0-0000-7000-8000-000000000000";
        assert_eq!(target(task, &format!("/v1/tasks/{id}/comments/x")), Some(format!("task {id}")));
        assert_eq!(target(task, "/v1/tasks/T-12/comments/x"), Some("task T-12".to_owned()));
        assert_eq!(target(task, "/v1/tasks/kim@example.org/comments/x"), None);
        assert_eq!(target("/v1/tasks", "/v1/tasks"), None);
    }
}
