//! One command request, in the order of the contract: who, may they, was it answered before, is it well-formed, does
//! its precondition hold, and only then what it does.

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use event_store::Class;
use service::{
    audit::Trail,
    auth::Principal,
    http::{
        MergePatch, Meter, RequestBody,
        headers::{IdempotencyKey, IfMatch, IfNoneMatch},
    },
    idempotency::fingerprint,
    paging::Paging,
    problem::{Code, Flaw, MEDIA_TYPE, Problem, Violation},
    query::Query,
    request::RequestContext,
};

use super::{app::App, problems::problem};
use crate::{
    commands::{Answer, Caller, Precondition, ReceiptKey, Reply, Twins},
    locks::Turn,
};

const POSITION: HeaderName = HeaderName::from_static("position");
/// How long ago somebody may have proved who they are who changes what proves it.
const FRESH: TimeDelta = TimeDelta::minutes(5);
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A body as some routes want it.
pub(super) trait Content: FromRequest<App, Rejection = Problem> {
    fn bytes(&self) -> &[u8];
}

impl<const LIMIT: usize> Content for RequestBody<LIMIT> {
    fn bytes(&self) -> &[u8] {
        self.bytes()
    }
}

impl Content for MergePatch {
    fn bytes(&self) -> &[u8] {
        self.bytes()
    }
}

/// For methods that have none; what is sent all the same counts only for the fingerprint.
#[derive(Debug)]
pub(super) struct NoBody(Bytes);

impl FromRequest<App> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, app).await;
        bytes.map(Self).map_err(|_| Problem::new(Code::BodyTooLarge))
    }
}

impl Content for NoBody {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An authenticated command request.
#[derive(Debug)]
pub(super) struct Exchange<B = RequestBody> {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) user: UserId,
    pub(super) context: RequestContext,
    auth_time: DateTime<Utc>,
    is_service_account: bool,
    pub(super) body: B,
    pub(super) if_match: Option<IfMatch>,
    pub(super) meter: Meter,
    pub(super) trail: Trail,
    if_none_match: Option<IfNoneMatch>,
    query: Option<String>,
    key: Option<ReceiptKey>,
    /// While this lives, twins wait.
    turn: Option<Turn<Twins>>,
}

impl<B: Content> FromRequest<App> for Exchange<B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let principal = <Principal as FromRequestParts<App>>::from_request_parts(&mut parts, app).await?;
        let Ok(context) = RequestContext::from_request_parts(&mut parts, app).await;
        let Ok(meter) = Meter::from_request_parts(&mut parts, app).await;
        let Ok(trail) = Trail::from_request_parts(&mut parts, app).await;
        let caller = app.caller(&principal, &context).await?;
        let is_service_account = app.commands.is_service_account(&caller).await.map_err(problem)?;
        let lasting = is_service_account || principal.is_system;
        let class = if lasting { Class::Quarter } else { Class::Day };
        let key = optional::<IdempotencyKey>(&mut parts, app).await?;
        let if_match = optional::<IfMatch>(&mut parts, app).await?;
        let if_none_match = optional::<IfNoneMatch>(&mut parts, app).await?;
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let body = B::from_request(Request::from_parts(parts, body), app).await?;
        let key = key.map(|key| receipt_key(&principal, &key, class, &method, &uri, body.bytes()));
        let (user, query) = (UserId(principal.user_id), uri.query().map(str::to_owned));
        let (app, auth_time) = (app.clone(), principal.auth_time);
        Ok(Self {
            app,
            caller,
            user,
            context,
            auth_time,
            is_service_account,
            body,
            if_match,
            meter,
            trail,
            if_none_match,
            query,
            key,
            turn: None,
        })
    }
}

async fn optional<H>(parts: &mut axum::http::request::Parts, app: &App) -> Result<Option<H>, Problem>
where
    H: axum::extract::OptionalFromRequestParts<App, Rejection = Problem>,
{
    H::from_request_parts(parts, app).await
}

fn receipt_key(
    principal: &Principal,
    key: &IdempotencyKey,
    class: Class,
    method: &Method,
    uri: &axum::http::Uri,
    body: &[u8],
) -> ReceiptKey {
    ReceiptKey {
        principal: principal.user_id.to_string(),
        key: key.as_str().to_owned(),
        class,
        fingerprint: fingerprint(method, uri.path(), uri.query(), body),
    }
}

impl<B: Content> Exchange<B> {
    /// After authorisation: the kept answer of an earlier request with this key, if there is one. While a twin is at
    /// work here, waits for it.
    pub(super) async fn replay(&mut self) -> Result<Option<Response>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        self.turn = Some(self.app.commands.enter(key).await.map_err(|_| in_flight())?);
        let Some(stored) = self.app.commands.replay(key).await.map_err(problem)? else { return Ok(None) };
        if stored.receipt.fingerprint != key.fingerprint {
            return Err(Code::IdempotencyKeyReused.into());
        }
        Ok(Some(render(&Answer::from(stored))))
    }

    /// Whether the caller has proved lately who they are.
    pub(super) fn must_be_fresh(&self) -> Result<(), Problem> {
        let fresh = Utc::now() - self.auth_time <= FRESH;
        if fresh { Ok(()) } else { Err(Code::ReauthenticationRequired.into()) }
    }

    /// Programs try again: what a service account creates twice without a key is there twice.
    pub(super) fn must_have_key_to_create(&self) -> Result<(), Problem> {
        let lacks = self.is_service_account && self.key.is_none();
        if lacks { Err(Code::IdempotencyKeyRequired.into()) } else { Ok(()) }
    }

    /// What reaches many people must not reach them twice.
    pub(super) fn must_have_key(&self) -> Result<(), Problem> {
        if self.key.is_some() { Ok(()) } else { Err(Code::IdempotencyKeyRequired.into()) }
    }

    /// Who changes what many rely on says which version they have read.
    pub(super) fn must_match(&self) -> Result<(), Problem> {
        if self.if_match.is_some() { Ok(()) } else { Err(Code::PreconditionRequired.into()) }
    }

    /// The key under which a command of this request keeps its answer.
    pub(super) fn key(&self) -> Option<ReceiptKey> {
        self.key.clone()
    }

    /// The query parameters, for those who take some.
    pub(super) fn query(&self) -> Query {
        Query::parse(self.query.as_deref().unwrap_or_default())
    }

    /// Which page of a list is asked for, by a query that asks for nothing else.
    pub(super) fn paging(&self) -> Result<Paging, Problem> {
        let (mut query, raw) = (self.query(), self.query.as_deref().unwrap_or_default());
        let tokens = self.app.page_tokens.clone();
        let paging = Paging::read(&mut query, raw, self.context.clone(), tokens, self.user.0);
        query.finish()?;
        Ok(paging)
    }

    /// Commands take no query parameters.
    pub(super) fn refuse_query(&self) -> Result<(), Problem> {
        refuse_query(self.query.as_deref())
    }

    /// What the headers and the body say about the version that the client has read.
    pub(super) fn precondition(&self, base: Option<i64>) -> Result<Precondition, Problem> {
        match (&self.if_match, &self.if_none_match, base) {
            (None, None, None) => Ok(Precondition::None),
            (Some(versions), None, None) => Ok(Precondition::IfMatch(versions.clone())),
            (None, Some(IfNoneMatch::Any), None) => Ok(Precondition::IfNew),
            (None, None, Some(base)) => Ok(Precondition::Base(base)),
            _ => Err(only_one_precondition()),
        }
    }

    /// The response; of a refusal that a retry must meet again, the kept form.
    pub(super) async fn finish(self, answered: Result<Answer, Problem>) -> Result<Response, Problem> {
        let refused = match answered {
            Ok(answer) => return self.check_twin(answer).map(|answer| render(&answer)),
            Err(refused) => refused,
        };
        match &self.key {
            Some(key) if is_kept(&refused) => {
                let receipt = key.receipt(&self.kept_form(&refused));
                let kept = self.app.commands.keep_refusal(receipt).await.map_err(problem)?;
                self.check_twin(kept.into()).map(|answer| render(&answer))
            }
            _ => Err(refused),
        }
    }

    /// A twin elsewhere may have used the key for another request.
    pub(super) fn check_twin(&self, answer: Answer) -> Result<Answer, Problem> {
        match &self.key {
            Some(key) => answer_to(key, answer),
            None => Ok(answer),
        }
    }

    pub(super) fn kept_form(&self, refused: &Problem) -> Reply {
        let etag = refused.headers().iter().find(|(name, _)| name == header::ETAG);
        Reply {
            status: refused.status().as_u16(),
            body: refused.to_json(&self.context).to_string(),
            etag: etag.and_then(|(_, value)| value.to_str().ok()).map(str::to_owned),
            location: None,
        }
    }
}

/// The answer, unless it was given under this key to another request.
pub(super) fn answer_to(key: &ReceiptKey, answer: Answer) -> Result<Answer, Problem> {
    let differs = answer.fingerprint.is_some_and(|other| other != key.fingerprint);
    if differs { Err(Code::IdempotencyKeyReused.into()) } else { Ok(answer) }
}

/// While another request with this key is at work.
pub(super) fn in_flight() -> Problem {
    Problem::new(Code::IdempotencyInFlight).retry_after(1)
}

/// Refusals that depend on the request and the state, not on the moment or on who asks.
pub(super) fn is_kept(problem: &Problem) -> bool {
    matches!(
        problem.status(),
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED | StatusCode::UNPROCESSABLE_ENTITY
    )
}

pub(super) fn only_one_precondition() -> Problem {
    let flaw = Flaw::new("CONTRADICTION").detail("contradicts the body or another header");
    Violation::header("If-Match", flaw).into()
}

/// Says where in the log an answer stands, and whether it was given before.
pub(super) fn mark(headers: &mut HeaderMap, position: Option<i64>, replayed: bool) {
    if let Some(position) = position {
        headers.insert(POSITION, HeaderValue::from(position));
    }
    if replayed {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

/// No route here takes query parameters.
pub(super) fn refuse_query(query: Option<&str>) -> Result<(), Problem> {
    query.map_or(Ok(()), |query| Query::parse(query).finish())
}

/// An answer that is not kept.
pub(super) fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, json, body.to_string()).into_response()
}

/// A page of a list.
pub(super) fn page(paging: &Paging, items: &[serde_json::Value], next: &str) -> Response {
    let body = serde_json::json!({"items": items, "next_page_token": next});
    let mut response = json_response(StatusCode::OK, &body);
    if let Some(link) = paging.next_link(next) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// An answer as the client gets it: position in body and header.
pub(super) fn render(answer: &Answer) -> Response {
    let Reply { status, body, etag, location } = &answer.reply;
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (media_type, body) = if status.is_success() {
        ("application/json", with_position(body, answer.position))
    } else {
        (MEDIA_TYPE, body.clone())
    };
    let mut response = (status, Body::from(body)).into_response();
    if let Some(code) = answer.reply.code() {
        response.extensions_mut().insert(code);
    }
    let headers = response.headers_mut();
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    mark(headers, status.is_success().then_some(answer.position), answer.replayed);
    let texts = [(header::ETAG, etag), (header::LOCATION, location)];
    for (name, text) in texts {
        if let Some(value) = text.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// The kept body is a JSON object without position.
pub(super) fn with_position(body: &str, position: i64) -> String {
    match body.strip_suffix('}') {
        Some("{") => format!("{{\"position\":{position}}}"),
        Some(members) => format!("{members},\"position\":{position}}}"),
        None => body.to_owned(),
    }
}
