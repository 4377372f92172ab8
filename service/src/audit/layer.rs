//! What of the requests goes into the audit log: coming in and going out, whatever is refused, and what leaves no event.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;

use super::{
    Outcome, Record, Trail, Watch,
    asked::{cut, question, target},
    attempt::Attempt,
    ongoing::Ongoing,
    routes::Route,
    trail::Facts,
};
use crate::{
    auth::{Principal, Witness},
    grpc::Unreadable,
    http::charge_address,
    problem::{Code, Problem},
    request::RequestContext,
};

/// An answer, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Option<Code>,
    pub(super) hidden: bool,
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
        return pass(&context, request, next, false).await;
    };
    let (trail, witness) = (Trail::default(), Witness::default());
    request.extensions_mut().insert(trail.clone());
    request.extensions_mut().insert(witness.clone());
    if route.streams {
        request.extensions_mut().insert(Ongoing::new(&watch.audit, route, &context, &witness));
    }
    context.found_to_ask_for(&route.named);
    let method = request.method().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let seen = Seen { route, context: &context, method: &method, query: &query, witness: &witness };
    let attempt = Attempt::new(&watch.audit, seen, &trail);
    let response = pass(&context, request, next, route.public).await;
    attempt.ends();
    let (facts, refusal) = (trail.take(), Refusal::of(&response));
    let eventless = facts.parts.is_empty() && !context.has_left_event() && !is_replay(&response);
    let mut whole = route.judge(&refusal, witness.principal().is_some(), eventless);
    if facts.shown && refusal.status.is_success() {
        whole = Some(Outcome::Success);
    }
    if let Some(outcome) = whole {
        let record = seen.record(&facts, outcome, refusal);
        // What was done is done, and what is only shown need not be.
        if record.query.is_none() {
            watch.audit.keep(record);
        } else if !watch.audit.keep_surely(record).await && route.reads {
            return Problem::new(Code::Overloaded).retry_after(1).into_response();
        }
    }
    for (target, status, code) in &facts.parts {
        let refusal = Refusal { status: *status, code: *code, hidden: false };
        if let Some(outcome) = route.judge(&refusal, true, true) {
            let target = target.clone();
            watch.audit.keep(Record { target, ..seen.record(&facts, outcome, refusal) });
        }
    }
    response
}

async fn pass(context: &RequestContext, request: Request, next: Next, public: bool) -> Response {
    match refuse(context, &request, public) {
        None => next.run(request).await,
        Some(refused) => refused.into_response(),
    }
}

/// Who need not come in is told here already that nobody can read what they ask.
fn refuse(context: &RequestContext, request: &Request, public: bool) -> Option<Problem> {
    let refused = charge_address(context, request).err();
    refused.or_else(|| Unreadable::of(request.extensions()).filter(|_| public))
}

/// The events of what was done before tell of it.
fn is_replay(response: &Response) -> bool {
    response.headers().contains_key("idempotent-replayed")
}

/// A request that was answered, or is about to be.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) route: &'a Route,
    pub(super) context: &'a RequestContext,
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
    pub(super) witness: &'a Witness,
}

impl Seen<'_> {
    pub(super) fn record(&self, facts: &Facts, outcome: Outcome, refusal: Refusal) -> Record {
        let (route, context, principal) = (self.route, self.context, self.witness.principal());
        let by_system = principal.is_some_and(|principal| principal.is_system);
        let person = principal.filter(|_| !by_system);
        let done = facts.done.as_ref().filter(|_| outcome == Outcome::Success);
        let read = route.reads && !route.public && outcome == Outcome::Success;
        Record {
            occurred_at: Utc::now(),
            action: Arc::clone(&route.action),
            outcome,
            status: refusal.status.as_u16(),
            code: refusal.code,
            actor: person.map(|principal| principal.user_id).or(facts.user),
            session: person.map(|principal| principal.session_id).or(facts.session),
            is_program: person.is_some_and(Principal::is_api_key),
            by_system,
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
