//! Coming in by outside providers: to the provider, and back.

mod browser;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use domain::{policy::Action, user::values::Email};
use serde_json::{Value, json};
use service::{
    audit::Trail,
    http::{LOGIN_LIMIT, RequestBody},
    problem::{Flaw, Problem},
    query::Query,
    request::RequestContext,
};

use super::{
    app::App,
    auth::{self as login, NO_STORE, admitted},
    exchange::{Exchange, json_response, refuse_query},
    problems::problem,
    schemas, second_step,
    tasks::Handled,
};
use crate::{
    auth::{Entry, Recognised},
    oidc::{Come, Handover, Purpose, Returned, Wish},
};
use browser::Ending;

/// The outside providers that let people in.
///
/// All at once: they are those of the configuration.
#[utoipa::path(get, path = "/v1/auth/oidc", tag = "auth",
    responses((status = 200, body = schemas::OidcProviders)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn list_oidc_providers(State(app): State<App>, uri: axum::http::Uri) -> Handled {
    refuse_query(uri.query())?;
    let item = |id: &str, name: &str| {
        let url = format!("{}/v1/auth/oidc/{id}/login", app.public_url);
        json!({"id": id, "name": name, "login_url": url})
    };
    let items: Vec<Value> =
        app.oidc.configured().map(|provider| item(&provider.id, &provider.name)).collect();
    Ok(json_response(StatusCode::OK, &json!({"items": items, "next_page_token": ""})))
}

/// Log in by an outside provider: sends the browser there.
///
/// In the end the browser comes to `return_to`, a path of PUBLIC_URL, with the refresh token in its cookie: `POST
/// /v1/auth/refresh` then gives an access token. With `handover=code` it comes with `#code=…` for `POST /v1/auth/oidc/token`.
/// Who has a second factor comes with `#mfa_token=…` for `POST /v1/auth/mfa`. Without `return_to` a page of ours ends it.
#[utoipa::path(get, path = "/v1/auth/oidc/{provider}/login", tag = "auth",
    params(schemas::ProviderPath, schemas::OidcLogin),
    responses((status = 303, description = "To the provider")), extensions(("x-policy" = json!("public"))))]
pub(super) async fn oidc_login(
    State(app): State<App>,
    Path(provider): Path<String>,
    context: RequestContext,
    headers: HeaderMap,
    query: Query,
) -> Response {
    let begun = begin(&app, &provider, query).await;
    begun.unwrap_or_else(|problem| browser::refused(&app, &context, &headers, problem))
}

async fn begin(app: &App, provider: &str, mut query: Query) -> Handled {
    let return_to = query.one("return_to", |path| browser::return_to(&app.public_url, path));
    let handover = query.one("handover", handover).unwrap_or(Handover::Cookie);
    query.finish()?;
    let return_to = return_to.unwrap_or_else(|| browser::own_page(&app.public_url));
    let wish = Wish { purpose: Purpose::LogIn { handover }, return_to };
    let begun = app.oidc.begin(provider, wish).await?;
    let mut response = browser::see_other(&begun.url);
    response.headers_mut().extend(browser::remember(&begun));
    Ok(response)
}

fn handover(word: &str) -> Result<Handover, Flaw> {
    match word {
        "cookie" => Ok(Handover::Cookie),
        "code" => Ok(Handover::Code),
        _ => Err(Flaw::new("UNKNOWN_VALUE").param("allowed", "cookie, code")),
    }
}

/// Where an outside provider sends browsers back to.
#[utoipa::path(get, path = "/v1/auth/oidc/{provider}/callback", tag = "auth",
    params(schemas::ProviderPath, schemas::OidcReturn),
    responses((status = 303, description = "To return_to")), extensions(("x-policy" = json!("public"))))]
pub(super) async fn oidc_callback(
    State(app): State<App>,
    Path(provider): Path<String>,
    context: RequestContext,
    headers: HeaderMap,
    trail: Trail,
    mut query: Query,
) -> Response {
    // Providers add parameters of their own.
    let mut one = |name| query.one(name, |text: &str| Ok::<_, Flaw>(text.to_owned()));
    let state = one("state");
    let [code, error, error_description, iss] = ["code", "error", "error_description", "iss"].map(one);
    let returned = Returned {
        state: state.as_deref(),
        sealed: state.as_deref().and_then(|state| browser::remembered(&headers, state)),
        code: code.as_deref(),
        error: error.as_deref(),
        error_description: error_description.as_deref(),
        iss: iss.as_deref(),
    };
    let finished = finish(&app, &provider, &context, &trail, returned).await;
    let mut response = match finished {
        Ok(ending) => ending.response(),
        Err(problem) => browser::refused(&app, &context, &headers, problem),
    };
    if returned.sealed.is_some() {
        response.headers_mut().extend(state.as_deref().and_then(browser::forget));
    }
    response
}

async fn finish(
    app: &App,
    provider: &str,
    context: &RequestContext,
    trail: &Trail,
    returned: Returned<'_>,
) -> Result<Ending, Problem> {
    let Come { person, wish } = app.oidc.finish(provider, returned).await?;
    trail.claims_to_be(person.verified_email.as_ref().map(Email::as_str));
    let return_to = wish.return_to;
    match wish.purpose {
        Purpose::LogIn { handover } => {
            let caller = app.anonymous(context);
            let who = app.auth.recognise(&person, &caller, context.client()).await?;
            let hand_over = HandOver { app, context, trail, return_to };
            hand_over.to(&who, handover).await
        }
        Purpose::ProveAnew { user, session, second_factor } => {
            let who = app.auth.recognise_known(&person).await?;
            let methods = app.auth.prove_anew_outside(&who, user, session, second_factor).await?;
            trail.came_in(user.0, session, &methods);
            Ok(Ending::at(return_to))
        }
    }
}

/// How a login ends in a browser.
struct HandOver<'a> {
    app: &'a App,
    context: &'a RequestContext,
    trail: &'a Trail,
    return_to: String,
}

impl HandOver<'_> {
    async fn to(self, who: &Recognised, handover: Handover) -> Result<Ending, Problem> {
        let ending = Ending::at(self.return_to);
        if handover == Handover::Code {
            return Ok(ending.with("code", self.app.auth.make_login_code(who).await?));
        }
        Ok(match self.app.auth.let_in(who, self.context.client()).await? {
            Entry::In(admission) => {
                self.trail.came_in(admission.user.0, admission.session, &admission.methods);
                ending.keeping(&admission)
            }
            Entry::HalfWay(mfa_token) => ending.with("mfa_token", mfa_token),
        })
    }
}

/// Get tokens for the code of a login by an outside provider.
///
/// The code is good once, for a minute. Who has a second factor gets an `mfa_token` for `POST /v1/auth/mfa` instead.
#[utoipa::path(post, path = "/v1/auth/oidc/token", tag = "auth", request_body = schemas::OidcCode,
    responses((status = 200, body = schemas::LoginReply)), extensions(("x-policy" = json!("public"))))]
pub(super) async fn oidc_token(
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
    let code = fields.required("code", |text: &str| Ok::<_, Flaw>(text.to_owned()));
    let handover = login::Handover::read(&mut fields);
    let code = fields.finish_with(|| code)?;
    handover.check(&app, &headers)?;
    Ok(match app.auth.redeem_login_code(&code, context.client()).await? {
        Entry::In(admission) => {
            trail.came_in(admission.user.0, admission.session, &admission.methods);
            admitted(&admission, handover)
        }
        Entry::HalfWay(mfa_token) => second_step::asked(&mfa_token),
    })
}

/// Prove anew who one is, by an outside provider.
///
/// For those without a password. Answers where to send the browser; when it comes back to `return_to`, the session's next
/// refresh gives an access token whose `auth_time` is now. Who has a second factor sends its `code` too.
#[utoipa::path(post, path = "/v1/auth/oidc/{provider}/reauthenticate", tag = "auth",
    params(schemas::ProviderPath), request_body = schemas::OidcReauthenticate,
    responses((status = 200, body = schemas::OidcBegun)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn oidc_reauthenticate(
    Path(provider): Path<String>,
    exchange: Exchange<RequestBody<LOGIN_LIMIT>>,
) -> Handled {
    let (app, me) = (&exchange.app, exchange.user);
    app.commands.authorise(&exchange.caller, Action::UserEdit, Some(me)).await.map_err(problem)?;
    exchange.refuse_query()?;
    let object = exchange.body.object()?;
    let mut fields = object.fields();
    let return_to = fields.optional("return_to", |path: &str| browser::return_to(&app.public_url, path));
    let code = fields.optional("code", second_step::code);
    fields.finish()?;
    let second_factor = app.auth.prove_second_factor(me, code).await?;
    let session = exchange.caller.session.unwrap_or_default();
    let purpose = Purpose::ProveAnew { user: me, session, second_factor };
    let return_to = return_to.unwrap_or_else(|| browser::own_page(&app.public_url));
    let begun = app.oidc.begin(&provider, Wish { purpose, return_to }).await?;
    let mut response = json_response(StatusCode::OK, &json!({"authorization_url": begun.url}));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response.headers_mut().extend(browser::remember(&begun));
    Ok(response)
}
