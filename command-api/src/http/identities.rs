//! One's own identities at outside providers.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::{
    extract::Path,
    http::{StatusCode, header},
};
use domain::{ids::IdentityId, policy::Action, user::UserEvent};
use serde_json::{Value, json};
use service::problem::Problem;

use super::{
    app::uuid,
    auth::NO_STORE,
    exchange::{Exchange, NoBody, json_response},
    problems::problem,
    schemas,
    tasks::Handled,
    users::reply,
};
use crate::{
    auth::IdentityView,
    commands::{Answer, UserDone, UserUnit},
};

/// One's own identities at outside providers.
///
/// All at once: there is one for each provider at most.
#[utoipa::path(get, path = "/v1/auth/identities", tag = "auth",
    responses((status = 200, body = schemas::Identities)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn list_identities(exchange: Exchange<NoBody>) -> Handled {
    let (app, me) = (&exchange.app, exchange.user);
    app.commands.authorise(&exchange.caller, Action::UserEdit, Some(me)).await.map_err(problem)?;
    exchange.refuse_query()?;
    let items: Vec<Value> = app.auth.identities(me).await?.iter().map(item).collect();
    let mut response = json_response(StatusCode::OK, &json!({"items": items, "next_page_token": ""}));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}

fn item(identity: &IdentityView) -> Value {
    let IdentityView { id, provider, issuer, subject } = identity;
    json!({"id": id, "provider": provider, "issuer": issuer, "subject": subject})
}

/// Part with one of one's own identities: it lets nobody in any more.
///
/// All other sessions end; this one's access token must be refreshed. Needs a login of the last 5 minutes, and that
/// something else lets in: a password or another identity.
#[utoipa::path(delete, path = "/v1/auth/identities/{id}", tag = "auth", params(schemas::IdentityPath),
    responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn unlink_identity(Path(id): Path<String>, mut exchange: Exchange<NoBody>) -> Handled {
    let identity = IdentityId(uuid(&id)?);
    let me = Some(exchange.user);
    exchange.app.commands.authorise(&exchange.caller, Action::UserEdit, me).await.map_err(problem)?;
    exchange.must_be_fresh()?;
    if let Some(replayed) = exchange.replay().await? {
        return Ok(replayed);
    }
    let answered = exchange.unlink(identity).await;
    exchange.finish(answered).await
}

impl Exchange<NoBody> {
    /// The session at hand lives on where all sessions end.
    async fn unlink(&self, identity: IdentityId) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let (user, auth) = (self.user, &self.app.auth);
        let before = self.app.commands.load_user(user).await.map_err(problem)?;
        let (command, claim) = auth.parting(user, identity).await?;
        let precondition = self.precondition(None)?;
        let unit = UserUnit { user, command, precondition, claims: vec![claim], key: self.key() };
        let begun = AtomicI64::new(0);
        let reply = |done: &UserDone| {
            begun.store(epoch_begun(done), Ordering::Relaxed);
            reply(done)
        };
        let answer = self.app.commands.users(&self.caller, &unit, reply).await.map_err(problem)?;
        auth.settle(user, &before, self.caller.session, begun.into_inner()).await;
        Ok(answer)
    }
}

/// The session epoch that the events have begun; 0 if none.
fn epoch_begun(done: &UserDone) -> i64 {
    let ends = |event: &UserEvent| matches!(event, UserEvent::IdentityUnlinked(_));
    if done.events.iter().any(ends) { done.user.session_epoch } else { 0 }
}
