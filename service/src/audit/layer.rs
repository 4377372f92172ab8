//! What of the requests goes into the audit log: coming in and going out, and whatever is refused.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use utoipa::openapi::{OpenApi, path::Operation};
use uuid::Uuid;

use super::{Audit, Outcome, Record, Target, Trail, trail::Facts};
use crate::{
    auth::{Principal, Witness},
    http::charge_address,
    problem::{Code, Problem},
    query::decode,
    request::RequestContext,
};

/// Of what a read asked for so many characters are kept.
const MAX_QUERY: usize = 2_000;

/// The layer over all routes of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch {
    audit: Audit,
    routes: Arc<HashMap<String, HashMap<Method, Route>>>,
}

#[derive(Debug)]
struct Route {
    /// Tag and name of the operation.
    action: Arc<str>,
    template: Arc<str>,
    /// `POST /v1/tasks/{id}/start`
    named: Arc<str>,
    /// Needs no token: who is refused has shown something else that was wrong.
    public: bool,
    /// Kept also when it is done.
    kept: bool,
    reads: bool,
}

impl Watch {
    /// Knows the operations by the names that the document has for them; `kept` are those that leave no event and are kept
    /// also when they are done.
    pub fn new(audit: Audit, document: &OpenApi, kept: &[&str]) -> Self {
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
        Self { audit, routes: Arc::new(routes) }
    }

    fn route(&self, path: &str, method: &Method) -> Option<&Route> {
        // Asking for the head of an answer is asking.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.get(path)?.get(method)
    }
}

impl Route {
    fn new(path: &str, method: &Method, operation: &Operation, kept: &[&str]) -> Self {
        let tag = operation.tags.iter().flatten().next().map_or("other", String::as_str);
        let name = operation.operation_id.as_deref().unwrap_or("other");
        let action = format!("{tag}.{name}");
        let policy = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-policy"));
        Self {
            kept: kept.contains(&action.as_str()),
            action: action.into(),
            template: path.into(),
            named: format!("{method} {path}").into(),
            public: policy.is_some_and(|policy| policy == "public"),
            reads: method == Method::GET,
        }
    }

    /// Whether an answer is kept, and as what. Failures of ours are none of the client's, and a token that has grown old is
    /// refreshed every day.
    fn judge(&self, refusal: &Refusal, known: bool) -> Option<Outcome> {
        match refusal.status.as_u16() {
            200..300 => self.kept.then_some(Outcome::Success),
            401 if self.public => Some(Outcome::Failure),
            401 if known => Some(Outcome::Denied),
            401 => (!matches!(refusal.code, Some(Code::TokenExpired | Code::TokenStale)))
                .then_some(Outcome::Denied),
            // Who looks for what is not there was refused nothing.
            404 if self.reads => refusal.hidden.then_some(Outcome::Denied),
            403 | 404 | 429 => Some(Outcome::Denied),
            409 | 412 | 422 => Some(Outcome::Failure),
            _ => None,
        }
    }
}

/// An answer, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    status: StatusCode,
    code: Option<Code>,
    hidden: bool,
}

impl Refusal {
    fn of(response: &Response) -> Self {
        let (problem, extensions) = (response.extensions().get::<Problem>(), response.extensions());
        let code = problem.map(Problem::code).or_else(|| extensions.get::<Code>().copied());
        // A browser is sent to a page whatever has become of its request.
        let sent_on = || code.map_or(StatusCode::OK, Code::status);
        Self {
            status: if response.status().is_redirection() { sent_on() } else { response.status() },
            code,
            hidden: problem.is_some_and(Problem::is_hidden),
        }
    }
}

/// Lets the request pass unless its address asks too often, and keeps what is worth it.
pub async fn watch(
    State(watch): State<Watch>,
    matched: MatchedPath,
    context: RequestContext,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(route) = watch.route(matched.as_str(), request.method()) else {
        return pass(&context, request, next).await;
    };
    let (trail, witness) = (Trail::default(), Witness::default());
    request.extensions_mut().insert(trail.clone());
    request.extensions_mut().insert(witness.clone());
    context.found_to_ask_for(&route.named);
    let method = request.method().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let response = pass(&context, request, next).await;
    let (facts, refusal) = (trail.take(), Refusal::of(&response));
    let mut whole = route.judge(&refusal, witness.principal().is_some());
    if facts.shown && refusal.status.is_success() {
        whole = Some(Outcome::Success);
    }
    if whole.is_none() && facts.refused.is_empty() {
        return response;
    }
    let seen = Seen { route, context: &context, method: &method, query: &query, witness: &witness };
    if let Some(outcome) = whole {
        let record = seen.record(&facts, outcome, refusal);
        // What was done is done, and what is only shown need not be.
        if record.query.is_none() {
            watch.audit.keep(record);
        } else if !watch.audit.keep_surely(record).await && route.reads {
            return Problem::new(Code::Overloaded).retry_after(1).into_response();
        }
    }
    for (target, status, code) in &facts.refused {
        let refusal = Refusal { status: *status, code: *code, hidden: false };
        if let Some(outcome) = route.judge(&refusal, true) {
            let target = Some(target.clone());
            watch.audit.keep(Record { target, ..seen.record(&facts, outcome, refusal) });
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

/// A request that was answered.
struct Seen<'a> {
    route: &'a Route,
    context: &'a RequestContext,
    method: &'a Method,
    query: &'a str,
    witness: &'a Witness,
}

impl Seen<'_> {
    fn record(&self, facts: &Facts, outcome: Outcome, refusal: Refusal) -> Record {
        let (route, context, principal) = (self.route, self.context, self.witness.principal());
        let done = facts.done.as_ref().filter(|_| outcome == Outcome::Success);
        let read = route.reads && !route.public && outcome == Outcome::Success;
        Record {
            occurred_at: Utc::now(),
            action: Arc::clone(&route.action),
            outcome,
            status: refusal.status.as_u16(),
            code: refusal.code,
            actor: principal.map(|principal| principal.user_id).or(facts.user),
            session: principal.map(|principal| principal.session_id).or(facts.session),
            is_program: principal.is_some_and(Principal::is_api_key),
            methods: facts.methods.clone(),
            about: facts.about.clone(),
            client: context.client().clone(),
            transport: Some(context.transport()),
            request: context.request_id().0,
            trace: context.traceparent().trace_id(),
            method: self.method.to_string(),
            route: Arc::clone(&route.template),
            target: done
                .map(|(target, _)| target.clone())
                .or_else(|| target(&route.template, context.path())),
            key_hash: context.key_hash(),
            query: done.map(|(_, what)| cut(what)).or_else(|| read.then(|| question(self.query))),
            count: 1,
        }
    }
}

/// Parameters that are searched for in texts: what is searched for may be the name of somebody.
const TEXTS: [&str; 5] = ["q", "text", "old", "new", "user_agent"];

/// What a read asked for, as it was written, but for texts, which stand in no key that an erasure would destroy; where its page
/// begins says nothing.
fn question(query: &str) -> String {
    let said = query.split('&').filter(|pair| !pair.starts_with("page_token="));
    let said = said.map(|pair| match pair.split_once('=') {
        Some((name, value)) if TEXTS.contains(&name) || name == "filter" && looks_for_text(value) => {
            format!("{name}=…")
        }
        _ => pair.to_owned(),
    });
    cut(&said.collect::<Vec<_>>().join("&"))
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_QUERY).collect()
}

/// Whether a filter searches in texts too.
fn looks_for_text(filter: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    decode(filter).is_none_or(|text| text.split(|c| !is_part(c)).any(|word| TEXTS.contains(&word)))
}

/// The first object that the path names. What is no identifier could be anything, and is left out.
fn target(template: &str, path: &str) -> Option<Target> {
    let mut kind = "";
    for (named, given) in template.split('/').zip(path.split('/')) {
        if named.starts_with('{') {
            let kind = kind.strip_suffix('s').unwrap_or(kind);
            return is_identifier(given).then(|| Target::new(kind, given));
        }
        kind = named;
    }
    None
}

/// A UUID, or a key such as T-123.
fn is_identifier(text: &str) -> bool {
    let number =
        |digits: &str| (1..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    Uuid::try_parse(text).is_ok() || text.strip_prefix("T-").is_some_and(number)
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
        for other in ["kim@example.org", "T-", "T-x", "T-99999999999999999999"] {
            assert_eq!(target(task, &format!("/v1/tasks/{other}/comments/x")), None);
        }
        assert_eq!(target("/v1/tasks", "/v1/tasks"), None);
    }

    #[test]
    fn of_texts_that_are_searched_for_only_that_there_was_one_is_kept() {
        for (asked, kept) in [
            ("action=task.&text=Kim&page_token=x", "action=task.&text=…"),
            ("filter=outcome%20%3D%20denied", "filter=outcome%20%3D%20denied"),
            ("filter=outcome%3Ddenied+AND+NOT+old%3AKim&crud=read", "filter=…&crud=read"),
            ("filter=user_agent%3Dkims", "filter=…"),
        ] {
            assert_eq!(question(asked), kept);
        }
    }
}
