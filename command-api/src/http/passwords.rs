//! Mailed links and passwords: verify an address, get and set another password.

use axum::{
    extract::State,
    http::{StatusCode, header},
};
use domain::{policy::Action, user::values::Email};
use serde_json::json;
use service::{
    http::{LOGIN_LIMIT, RequestBody},
    problem::Flaw,
    request::RequestContext,
};

use super::{
    app::App,
    auth::flawed,
    exchange::{Exchange, json_response, refuse_query, render},
    problems::problem,
    refresh_cookie, schemas,
    tasks::Handled,
    users::reply,
};
use crate::auth::Password;

/// What everybody is told who has forgotten a password, whether or not the address is known.
const FORGOTTEN: &str = "If the address is known, a link to set a new password is on its way.";

/// Verify an address with the token of a mailed link.
///
/// A token is good once, for 24 hours, until a newer one is mailed.
#[utoipa::path(post, path = "/v1/auth/verify-email", tag = "auth", request_body = schemas::VerifyEmail,
    responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn verify_email(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    body: RequestBody<LOGIN_LIMIT>,
) -> Handled {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let token = fields.required("token", text);
    let token = fields.finish_with(|| token)?;
    let caller = app.anonymous(&context);
    let answered = app.auth.verify_email(&token, caller, context.client(), reply).await;
    Ok(render(&answered.map_err(problem)?))
}

/// Get a link by mail to set a new password.
///
/// The answer is the same whether or not the address is known. Nobody gets more than three such mails an hour.
#[utoipa::path(post, path = "/v1/auth/password/forgot", tag = "auth", request_body = schemas::ForgotPassword,
    responses((status = 202, body = schemas::Message)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn forgot(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    body: RequestBody<LOGIN_LIMIT>,
) -> Handled {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let email = fields.required("email", |text: &str| Ok::<_, Flaw>(Email::parse(text).ok()));
    let email = fields.finish_with(|| email)?;
    app.auth.forgot_password(email, app.anonymous(&context), context.client()).await.map_err(problem)?;
    Ok(json_response(StatusCode::ACCEPTED, &json!({ "message": FORGOTTEN })))
}

/// Set a password with the token of a mailed link.
///
/// A token is good once, for 30 minutes (24 hours in an invitation), until a newer one is mailed. The address counts as
/// verified then, all sessions end, a pause after wrong passwords too, and nobody is logged in by it.
#[utoipa::path(post, path = "/v1/auth/password/reset", tag = "auth", request_body = schemas::ResetPassword,
    responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn reset(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    body: RequestBody<LOGIN_LIMIT>,
) -> Handled {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let token = fields.required("token", text);
    let has_factor = match &token {
        Some(token) => app.auth.has_second_factor(token).await.map_err(problem)?,
        None => false,
    };
    let password = fields.required("password", flawed(Password::rule(has_factor)));
    let (token, password) = fields.finish_with(|| Some((token?, password?)))?;
    let caller = app.anonymous(&context);
    let answer = app.auth.reset_password(&token, password, caller, context.client(), reply).await?;
    Ok(render(&answer))
}

/// Change one's own password.
///
/// All sessions end, this one too: log in with the new password. No Idempotency-Key is looked at, as the session that
/// could repeat the request is over.
#[utoipa::path(post, path = "/v1/auth/password/change", tag = "auth", request_body = schemas::ChangePassword,
    responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn change(exchange: Exchange<RequestBody<LOGIN_LIMIT>>) -> Handled {
    let (app, me) = (&exchange.app, exchange.user);
    app.commands.authorise(&exchange.caller, Action::UserEdit, Some(me)).await.map_err(problem)?;
    exchange.refuse_query()?;
    let object = exchange.body.object()?;
    let mut fields = object.fields();
    let old = fields.required("old_password", flawed(Password::presented));
    let has_factor = app.commands.load_user(me).await.map_err(problem)?.totp.is_some();
    let new = fields.required("new_password", flawed(Password::rule(has_factor)));
    let (old, new) = fields.finish_with(|| Some((old?, new?)))?;
    let answer = app.auth.change_password(me, old, new, &exchange.caller, reply).await?;
    let mut response = render(&answer);
    response.headers_mut().extend(refresh_cookie::clear().map(|clear| (header::SET_COOKIE, clear)));
    Ok(response)
}

fn text(text: &str) -> Result<String, Flaw> {
    Ok(text.to_owned())
}
