//! Coming in: sign up, log in, the public keys.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::user::values::{Email, Locale, PersonName, TimeZone};
use serde_json::json;
use service::{
    audit::Trail,
    http::{LOGIN_LIMIT, RequestBody},
    json::{Fields, any},
    problem::{Flaw, Problem},
    request::RequestContext,
};

use super::{
    app::App,
    exchange::{json_response, refuse_query},
    ops::rule,
    refresh_cookie, schemas, second_step,
};
use crate::auth::{Address, Admission, Entry, NewPerson, Password, PasswordFault};

/// Nobody on the way may keep tokens and addresses.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What everybody is told who signs up, whether or not the address is known.
const SIGNED_UP: &str = "If the address is new, a link to verify it is on its way.";

/// Sign up.
///
/// The answer is the same whether or not the address is known: a new one gets a mail with a link to verify it, that of
/// somebody who is here already a note. Signing up again sends another link, in place of the first.
#[utoipa::path(post, path = "/v1/auth/register", tag = "auth", request_body = schemas::Register,
    responses((status = 202, body = schemas::Message)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn register(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    body: RequestBody<LOGIN_LIMIT>,
) -> Result<Response, Problem> {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let person = read_person(&mut fields);
    let password = fields.required("password", flawed(Password::chosen));
    let (person, password) = fields.finish_with(|| Some((person?, password?)))?;
    let caller = app.anonymous(&context);
    app.auth.register(person, password, caller, context.client().clone()).await?;
    Ok(json_response(StatusCode::ACCEPTED, &json!({ "message": SIGNED_UP })))
}

/// The members that describe somebody new.
pub(super) fn read_person(fields: &mut Fields<'_>) -> Option<NewPerson> {
    let email = fields.required("email", rule(Email::parse));
    let name = fields.required("name", rule(PersonName::parse));
    let locale = fields.optional("locale", rule(Locale::parse));
    let time_zone = fields.optional("time_zone", rule(TimeZone::parse));
    let time_zone = time_zone.unwrap_or(TimeZone::UTC);
    Some(NewPerson { email: email?, name: name?, locale: locale.unwrap_or_default(), time_zone })
}

pub(super) fn flawed<'t>(
    parse: impl Fn(&str) -> Result<Password, PasswordFault>,
) -> impl Fn(&'t str) -> Result<Password, Flaw> {
    move |text| parse(text).map_err(PasswordFault::flaw)
}

/// Log in with e-mail and password.
///
/// After five wrong passwords for an address within 15 minutes none is looked at for a minute, twice as long each further
/// time, up to 15 minutes: 429 with Retry-After. Sessions and resetting the password are not touched by that.
///
/// The refresh token comes in the answer, or with `refresh_cookie` in a cookie that scripts cannot read; a page must then
/// be one of PUBLIC_URL or CORS_ORIGINS. Who has a second factor gets an `mfa_token` for `POST /v1/auth/mfa` instead.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", request_body = schemas::Login,
    responses((status = 200, body = schemas::LoginReply)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn login(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    headers: HeaderMap,
    trail: Trail,
    body: RequestBody<LOGIN_LIMIT>,
) -> Result<Response, Problem> {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let address = fields.required("email", |text: &str| Ok::<_, Flaw>(Address::read(text)));
    let password = fields.required("password", flawed(Password::presented));
    let handover = Handover::read(&mut fields);
    let (address, password) = fields.finish_with(|| Some((address?, password?)))?;
    handover.check(&app, &headers)?;
    trail.claims_to_be(address.email.as_ref().map(Email::as_str));
    let entry = app.auth.log_in(&address, password, app.anonymous(&context), context.client()).await?;
    Ok(match entry {
        Entry::In(admission) => {
            trail.came_in(admission.user.0, admission.session, &admission.methods);
            admitted(&admission, handover)
        }
        Entry::HalfWay(mfa_token) => second_step::asked(&mfa_token),
    })
}

/// How a client gets its refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handover {
    /// In the answer.
    Body,
    /// In the cookie, and nowhere else.
    Cookie,
}

impl Handover {
    /// As the body wants it.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        match fields.optional("refresh_cookie", any::<bool>) {
            Some(true) => Self::Cookie,
            Some(false) | None => Self::Body,
        }
    }

    /// The cookie is for our own pages.
    pub(super) fn check(self, app: &App, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Body => Ok(()),
            Self::Cookie => refresh_cookie::check_origin(&app.origins, headers),
        }
    }
}

/// The answer to somebody who has come in.
pub(super) fn admitted(admission: &Admission, handover: Handover) -> Response {
    let Admission { user, email, name, roles, .. } = admission;
    let mut body = json!({
        "access_token": admission.access_token,
        "token_type": "Bearer",
        "expires_in": admission.expires_in,
        "session_id": admission.session,
        "user": {"id": user, "email": email, "name": name, "roles": roles},
    });
    let mut cookie = None;
    match handover {
        Handover::Body => body["refresh_token"] = json!(admission.refresh_token),
        Handover::Cookie => cookie = refresh_cookie::set(&admission.refresh_token, admission.refresh_within),
    }
    let mut response = json_response(StatusCode::OK, &body);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

/// The public keys that access tokens are verified with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "A JSON Web Key Set")), extensions(("x-policy" = json!("public"))))]
pub(super) async fn jwks(State(app): State<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, app.auth.jwks()).into_response()
}
