//! Coming in: sign up, log in, the public keys.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::user::values::{Email, Locale, PersonName, TimeZone};
use serde_json::json;
use service::{
    http::{LOGIN_LIMIT, RequestBody},
    json::Fields,
    problem::{Flaw, Problem},
    request::RequestContext,
};

use super::{
    app::App,
    exchange::{json_response, refuse_query},
    ops::rule,
    schemas,
};
use crate::auth::{NewPerson, Password, PasswordFault};

/// What everybody is told who signs up, whether or not the address is known.
const SIGNED_UP: &str = "If the address is new, a link to verify it is on its way.";

/// Sign up.
///
/// The answer is the same whether or not the address is known. Sending the same request again changes nothing.
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

fn flawed<'t>(
    parse: impl Fn(&str) -> Result<Password, PasswordFault>,
) -> impl Fn(&'t str) -> Result<Password, Flaw> {
    move |text| parse(text).map_err(PasswordFault::flaw)
}

/// Log in with e-mail and password.
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", request_body = schemas::Login,
    responses((status = 200, body = schemas::LoggedIn)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn login(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    body: RequestBody<LOGIN_LIMIT>,
) -> Result<Response, Problem> {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let email = fields.required("email", |text: &str| Ok::<_, Flaw>(Email::parse(text).ok()));
    let password = fields.required("password", flawed(Password::presented));
    let (email, password) = fields.finish_with(|| Some((email?, password?)))?;
    let person = app.auth.log_in(email, password, context.client()).await?;
    let user = json!({"id": person.user, "email": person.email, "name": person.name, "roles": person.roles});
    let mut response = json_response(
        StatusCode::OK,
        &json!({
            "access_token": person.access_token,
            "token_type": "Bearer",
            "expires_in": person.expires_in,
            "session_id": person.session,
            "user": user,
        }),
    );
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The public keys that access tokens are verified with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "A JSON Web Key Set")), extensions(("x-policy" = json!("public"))))]
pub(super) async fn jwks(State(app): State<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, app.auth.jwks().to_owned()).into_response()
}
