//! Staying in and going out: refreshing, the list of sessions, ending them.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use domain::{ids::UserId, policy::Action, time::Timestamp};
use serde_json::{Value, json};
use service::{
    audit::Trail,
    http::{LOGIN_LIMIT, RequestBody},
    problem::{Code, Flaw, Problem},
    request::RequestContext,
};
use uuid::Uuid;

use super::{
    app::{App, uuid},
    auth::{Handover, admitted},
    exchange::{Content, Exchange, NoBody, page, refuse_query},
    problems::problem,
    refresh_cookie, schemas,
    tasks::Handled,
};
use crate::auth::{SessionView, Which};

/// Get new tokens for a refresh token.
///
/// The token comes in the body, or in the cookie that the login has set; its successor goes back the same way. A token is
/// good until its successor is first used, so a refresh whose answer was lost is sent again. An older token ends the session.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", request_body = schemas::Refresh,
    responses((status = 200, body = schemas::LoggedIn)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn refresh(
    State(app): State<App>,
    context: RequestContext,
    uri: axum::http::Uri,
    headers: HeaderMap,
    trail: Trail,
    body: RequestBody<LOGIN_LIMIT>,
) -> Handled {
    refuse_query(uri.query())?;
    let object = body.object()?;
    let mut fields = object.fields();
    let in_body = fields.optional("refresh_token", |text: &str| Ok::<_, Flaw>(text.to_owned()));
    fields.finish()?;
    let (token, handover) = match (in_body, refresh_cookie::read(&headers)) {
        (Some(token), _) => (token, Handover::Body),
        (None, Some(token)) => {
            refresh_cookie::check_origin(&app.origins, &headers)?;
            (token.to_owned(), Handover::Cookie)
        }
        (None, None) => return Err(Code::TokenInvalid.into()),
    };
    trail.shows(app.auth.session_of(&token));
    let admission = app.auth.refresh(&token, app.anonymous(&context), context.client()).await?;
    Ok(admitted(&admission, handover))
}

/// One's own live sessions, the one used last first.
#[utoipa::path(get, path = "/v1/auth/sessions", tag = "auth", params(schemas::PageParams),
    responses((status = 200, body = schemas::Sessions, headers(
        ("Link" = String, description = "`rel=\"next\"`, unless this is the last page"),
    ))), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn list_sessions(exchange: Exchange<NoBody>) -> Handled {
    let me = exchange.may_manage_sessions().await?;
    let paging = exchange.paging()?;
    let mut sessions = exchange.app.auth.sessions(me, paging.after()?, paging.limit()).await?;
    let next = paging.cut(&mut sessions, |last| (last.last_active_at, last.id))?;
    let items: Vec<Value> = sessions.iter().map(|session| item(session, exchange.caller.session)).collect();
    let mut response = page(&paging, &items, &next);
    response.headers_mut().insert(header::CACHE_CONTROL, super::auth::NO_STORE);
    Ok(response)
}

fn item(session: &SessionView, current: Option<Uuid>) -> Value {
    json!({
        "id": session.id,
        "ip": session.ip,
        "user_agent": session.user_agent,
        "create_time": Timestamp::from(session.created_at),
        "last_active_time": Timestamp::from(session.last_active_at),
        "current": current == Some(session.id),
    })
}

/// End one of one's own sessions.
#[utoipa::path(delete, path = "/v1/auth/sessions/{id}", tag = "auth", params(schemas::SessionPath),
    responses((status = 204)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn end_session(Path(id): Path<String>, exchange: Exchange<NoBody>) -> Handled {
    let me = exchange.may_manage_sessions().await?;
    exchange.refuse_query()?;
    exchange.app.auth.end_sessions(me, Which::One(uuid(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl<B: Content> Exchange<B> {
    async fn may_manage_sessions(&self) -> Result<UserId, Problem> {
        let authorised = self.app.commands.authorise(&self.caller, Action::UserEdit, Some(self.user)).await;
        authorised.map(|()| self.user).map_err(problem)
    }
}

impl Exchange {
    /// Ends some of one's own sessions, this one being `current`.
    async fn end(self, which: fn(current: Uuid) -> Which) -> Handled {
        let me = self.may_manage_sessions().await?;
        self.refuse_query()?;
        self.body.object()?.fields().finish()?;
        let current = self.caller.session.unwrap_or_default();
        let which = which(current);
        self.app.auth.end_sessions(me, which).await?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        if which != Which::Others(current) {
            response.headers_mut().extend(refresh_cookie::clear().map(|clear| (header::SET_COOKIE, clear)));
        }
        Ok(response)
    }
}

macro_rules! logouts {
    ($($(#[$doc:meta])* $name:ident $path:literal $which:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "auth", request_body = schemas::Nothing,
            responses((status = 204)), extensions(("x-policy" = json!("user.edit"))))]
        pub(super) async fn $name(exchange: Exchange) -> Handled {
            exchange.end($which).await
        }
    )*};
}

logouts! {
    /// End this session; its refresh cookie goes too.
    logout "/v1/auth/logout" Which::One;
    /// End all of one's own sessions.
    logout_all "/v1/auth/logout-all" |_| Which::All;
    /// End all of one's own sessions but this one.
    logout_others "/v1/auth/logout-others" Which::Others;
}
