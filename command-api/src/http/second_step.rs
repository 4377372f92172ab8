//! The second step of a login, and proving anew who one is.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use domain::policy::Action;
use serde_json::json;
use service::{
    audit::Trail,
    http::{LOGIN_LIMIT, RequestBody},
    json::Fields,
    problem::{Flaw, Problem},
    request::RequestContext,
};

use super::{
    app::App,
    auth::{Handover, NO_STORE, admitted, flawed},
    exchange::{Exchange, json_response, refuse_query},
    problems::problem,
    schemas,
    tasks::Handled,
};
use crate::auth::{Code, Password, Proof, Reauthenticated, RecoveryCode};

/// The answer to a right password of somebody who has a second factor.
pub(super) fn asked(mfa_token: &str) -> Response {
    let methods = ["totp", "recovery_code"];
    not_kept(&json!({"mfa_required": true, "mfa_token": mfa_token, "methods": methods}))
}

fn not_kept(body: &serde_json::Value) -> Response {
    let mut response = json_response(StatusCode::OK, body);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// Finish a login with the second factor.
///
/// `mfa_token` is the one that the login has answered, good for 5 minutes; with it either `code`, what the authenticator
/// shows, or `recovery_code`. After 5 wrong ones none is judged for 15 minutes.
#[utoipa::path(post, path = "/v1/auth/mfa", tag = "auth", request_body = schemas::SecondStep,
    responses((status = 200, body = schemas::LoggedIn)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn mfa(
    State(app): State<App>,
    context: RequestContext,
    trail: Trail,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: RequestBody<LOGIN_LIMIT>,
) -> Handled {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let mfa_token = fields.required("mfa_token", |text: &str| Ok::<_, Flaw>(text.to_owned()));
    let proof = proof(&mut fields);
    let handover = Handover::read(&mut fields);
    let (mfa_token, proof) = fields.finish_with(|| Some((mfa_token?, proof?)))?;
    handover.check(&app, &headers)?;
    let caller = app.anonymous(&context);
    let admission = app.auth.finish_login(&mfa_token, &proof, caller, context.client()).await?;
    trail.came_in(admission.user.0, admission.session, &admission.methods);
    Ok(admitted(&admission, handover))
}

/// One of two members; `None` only together with a violation.
fn proof(fields: &mut Fields<'_>) -> Option<Proof> {
    match (fields.has("code"), fields.has("recovery_code")) {
        (true, true) => {
            fields.refuse("recovery_code", Flaw::new("CONTRADICTION").detail("not together with code"));
        }
        (false, false) => {
            let flaw = Flaw::new("ONE_REQUIRED").param("members", "code recovery_code");
            fields.refuse("code", flaw.detail("code or recovery_code is needed"));
        }
        (true, false) | (false, true) => {}
    }
    let code = fields.optional("code", code);
    let recovery_code = fields.optional("recovery_code", recovery_code);
    code.map(Proof::Code).or_else(|| recovery_code.map(Proof::RecoveryCode))
}

/// What an authenticator shows.
pub(super) fn code(text: &str) -> Result<Code, Flaw> {
    Code::parse(text)
        .ok_or_else(|| Flaw::new("MALFORMED").param("expected", "6 digits").detail("must be 6 digits"))
}

fn recovery_code(text: &str) -> Result<RecoveryCode, Flaw> {
    const EXPECTED: &str = "a code such as abcd-efgh-jkmn-pqrs";
    let flaw = || Flaw::new("MALFORMED").param("expected", EXPECTED).detail(format!("must be {EXPECTED}"));
    RecoveryCode::parse(text).ok_or_else(flaw)
}

/// Prove anew who one is.
///
/// Gives an access token of the same session whose `auth_time` is now: changing what proves who one is needs one that is
/// at most 5 minutes old (403 `REAUTHENTICATION_REQUIRED`). Who has a second factor sends its `code` too.
#[utoipa::path(post, path = "/v1/auth/reauthenticate", tag = "auth", request_body = schemas::Reauthenticate,
    responses((status = 200, body = schemas::Reauthenticated)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn reauthenticate(exchange: Exchange<RequestBody<LOGIN_LIMIT>>) -> Handled {
    let me = exchange.user;
    exchange.app.commands.authorise(&exchange.caller, Action::UserEdit, Some(me)).await.map_err(problem)?;
    exchange.refuse_query()?;
    let (password, code) = read(&exchange.body)?;
    let session = exchange.caller.session.unwrap_or_default();
    let proved = exchange.app.auth.reauthenticate(me, session, password, code).await?;
    let Reauthenticated { access_token, expires_in, methods } = proved;
    exchange.trail.proved(&methods);
    Ok(not_kept(&json!({"access_token": access_token, "token_type": "Bearer", "expires_in": expires_in})))
}

fn read(body: &RequestBody<LOGIN_LIMIT>) -> Result<(Password, Option<Code>), Problem> {
    let object = body.object()?;
    let mut fields = object.fields();
    let password = fields.required("password", flawed(Password::presented));
    let code = fields.optional("code", code);
    Ok((fields.finish_with(|| password)?, code))
}
