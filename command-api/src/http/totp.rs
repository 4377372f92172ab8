//! The second factor: enrolling, confirming, giving up, recovery codes.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::{
    http::{StatusCode, header},
    response::Response,
};
use domain::{policy::Action, user::UserEvent};
use serde_json::json;
use service::problem::Problem;

use super::{
    auth::NO_STORE,
    exchange::{Exchange, json_response},
    problems::problem,
    schemas,
    second_step::code,
    tasks::Handled,
};
use crate::{
    auth::{Enrolment, Prepared},
    commands::{Answer, Reply, UserDone, UserUnit},
};

/// Enrol an authenticator.
///
/// Gives the secret, once. It is not asked for until a code has confirmed it, within 15 minutes. Needs a login or
/// reauthentication of the last 5 minutes, as do the other changes of the second factor.
#[utoipa::path(post, path = "/v1/auth/totp/enrol", tag = "auth", request_body = schemas::Nothing,
    responses((status = 200, body = schemas::Enrolment)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn enrol(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin_afresh().await? {
        return Ok(replayed);
    }
    exchange.refuse_query()?;
    exchange.body.object()?.fields().finish()?;
    let Enrolment { uri, secret } = exchange.app.auth.enrol(exchange.user).await?;
    Ok(not_kept(json_response(StatusCode::OK, &json!({"otpauth_uri": uri, "secret": secret}))))
}

/// Confirm the authenticator that was enrolled last.
///
/// From now on a login needs a second step. All other sessions end; this one's access token must be refreshed. The
/// recovery codes are in this answer and nowhere else: a replay does not have them.
#[utoipa::path(post, path = "/v1/auth/totp/confirm", tag = "auth", request_body = schemas::TotpCode,
    responses((status = 200, body = schemas::TotpReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn confirm(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin_afresh().await? {
        return Ok(replayed);
    }
    let answered = exchange.confirm_totp().await;
    exchange.finish(answered).await.map(not_kept)
}

/// Give the second factor up.
///
/// All other sessions end; this one's access token must be refreshed. A password of fewer than 15 characters does not do
/// alone and must be changed first (409 `PASSWORD_NEEDS_FACTOR`).
#[utoipa::path(post, path = "/v1/auth/totp/disable", tag = "auth", request_body = schemas::Nothing,
    responses((status = 200, body = schemas::TotpReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn disable(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin_afresh().await? {
        return Ok(replayed);
    }
    let answered = exchange.disable_totp().await;
    exchange.finish(answered).await.map(not_kept)
}

/// Make other recovery codes.
///
/// Those of before are worthless. The new ones are in this answer and nowhere else: a replay does not have them.
#[utoipa::path(post, path = "/v1/auth/totp/recovery-codes", tag = "auth", request_body = schemas::Nothing,
    responses((status = 200, body = schemas::TotpReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn renew_recovery_codes(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin_afresh().await? {
        return Ok(replayed);
    }
    let answered = exchange.renew_codes().await;
    exchange.finish(answered).await.map(not_kept)
}

impl Exchange {
    /// Authorises a change of one's own second factor by somebody who proved lately who they are, then looks for a kept
    /// answer.
    async fn begin_afresh(&mut self) -> Result<Option<Response>, Problem> {
        let me = Some(self.user);
        self.app.commands.authorise(&self.caller, Action::UserEdit, me).await.map_err(problem)?;
        self.must_be_fresh()?;
        self.replay().await
    }

    async fn confirm_totp(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let code = fields.required("code", code);
        let code = fields.finish_with(|| code)?;
        let prepared = self.app.auth.confirm(self.user, &code).await?;
        self.change(prepared).await
    }

    async fn disable_totp(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let prepared = self.app.auth.give_up(self.user).await?;
        self.change(prepared).await
    }

    async fn renew_codes(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let prepared = self.app.auth.renew_recovery_codes(self.user).await?;
        self.change(prepared).await
    }

    /// Changes the second factor. The session at hand lives on where all sessions end.
    async fn change(&self, prepared: Prepared) -> Result<Answer, Problem> {
        let Prepared { command, recovery_codes } = prepared;
        let (user, auth, commands) = (self.user, &self.app.auth, &self.app.commands);
        let before = commands.load_user(user).await.map_err(problem)?;
        let precondition = self.precondition(None)?;
        let unit = UserUnit { user, command, precondition, claims: Vec::new(), key: self.key() };
        let begun = AtomicI64::new(0);
        let reply = |done: &UserDone| {
            begun.store(epoch_begun(done), Ordering::Relaxed);
            reply(done)
        };
        let mut answer = commands.users(&self.caller, &unit, reply).await.map_err(problem)?;
        if answer.replayed {
            return Ok(answer);
        }
        auth.settle(user, &before, self.caller.session, begun.into_inner()).await;
        if !recovery_codes.is_empty() {
            answer.show_once("recovery_codes", json!(recovery_codes));
        }
        Ok(answer)
    }
}

/// The session epoch that the events have begun; 0 if none.
fn epoch_begun(done: &UserDone) -> i64 {
    let ends = |event: &UserEvent| matches!(event, UserEvent::TotpEnabled(_) | UserEvent::TotpDisabled(_));
    if done.events.iter().any(ends) { done.user.session_epoch } else { 0 }
}

/// What a change of the second factor answers, without what is shown once.
fn reply(done: &UserDone) -> Reply {
    let user = &done.user;
    let body = json!({
        "id": done.id,
        "version": user.version,
        "totp": user.totp.is_some(),
        "recovery_codes_left": user.totp.map_or(0, |totp| totp.recovery_codes.left()),
    });
    Reply { status: 200, body: body.to_string(), etag: Some(format!("\"{}\"", user.version)), location: None }
}

/// Nobody on the way may keep it.
fn not_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
