//! API keys: one's own, and as admin those of service accounts.

use axum::{
    extract::Path,
    http::{StatusCode, header},
};
use chrono::{DateTime, Utc};
use domain::{
    ids::UserId,
    policy::{Action, Scope},
    time::Timestamp,
    user::{
        UserCommand, UserEvent,
        values::{PersonName, RatePerMinute},
    },
};
use serde_json::{Value, json};
use service::{
    json::any,
    problem::{Code, Flaw, Problem, Violation},
};
use uuid::Uuid;

use super::{
    app::uuid,
    auth::NO_STORE,
    exchange::{Exchange, NoBody, json_response},
    ops::rule,
    problems::{flaw, problem},
    schemas,
    tasks::Handled,
};
use crate::{
    auth::{ApiKeyView, WantedKey},
    commands::{Answer, Reply, UserDone, UserUnit},
};

/// Make an API key.
///
/// Programs come with it instead of an access token, in the name of its user and within its scopes. It is in this answer
/// and nowhere else: a replay does not have it. A key has its own count of requests, and admins may give it rates of its own.
#[utoipa::path(post, path = "/v1/api-keys", tag = "api_keys", operation_id = "create_api_key", request_body = schemas::NewApiKey,
    responses((status = 201, body = schemas::ApiKeyReply)), extensions(("x-policy" = json!("api_key.manage"))))]
pub(super) async fn create(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin(Action::ApiKeyManage, Some(exchange.user)).await? {
        return Ok(replayed);
    }
    let answered = exchange.create_api_key().await;
    let mut response = exchange.finish(answered).await?;
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}

/// One's own API keys that were not revoked, or those of a service account, the newest first.
///
/// All at once: nobody has more than 50 that are in force. Some that have expired of late may be among them.
#[utoipa::path(get, path = "/v1/api-keys", tag = "api_keys", operation_id = "list_api_keys",
    params(("service_account" = Option<Uuid>, Query, nullable = false,
        description = "Whose keys, for admins; one's own if absent")),
    responses((status = 200, body = schemas::ApiKeys)), extensions(("x-policy" = json!("api_key.manage"))))]
pub(super) async fn list(exchange: Exchange<NoBody>) -> Handled {
    let (me, commands) = (exchange.user, &exchange.app.commands);
    let action = Action::ApiKeyManage;
    commands.authorise(&exchange.caller, action, Some(me)).await.map_err(problem)?;
    let user = exchange.whose()?;
    if user != me {
        commands.authorise(&exchange.caller, action, Some(user)).await.map_err(problem)?;
        if !commands.load_user(user).await.map_err(problem)?.is_service_account() {
            return Err(Code::NotFound.into());
        }
    }
    let items: Vec<Value> = exchange.app.auth.api_keys(user).await?.iter().map(item).collect();
    Ok(json_response(StatusCode::OK, &json!({"items": items, "next_page_token": ""})))
}

fn item(key: &ApiKeyView) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "last_characters": key.last_characters,
        "scopes": key.scopes,
        "create_time": Timestamp::from(key.created_at),
        "expire_time": Timestamp::from(key.expires_at),
        "rate_per_minute": key.rate_per_minute,
        "last_used_time": key.last_used_at.map(Timestamp::from),
    })
}

/// Revoke an API key: one's own, or as admin anybody's.
///
/// Felt everywhere within two seconds.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", tag = "api_keys", operation_id = "revoke_api_key", params(schemas::ApiKeyPath),
    responses((status = 200, body = schemas::ApiKeyRevoked)), extensions(("x-policy" = json!("api_key.manage"))))]
pub(super) async fn revoke(Path(id): Path<String>, mut exchange: Exchange<NoBody>) -> Handled {
    let (me, action) = (exchange.user, Action::ApiKeyManage);
    exchange.app.commands.authorise(&exchange.caller, action, Some(me)).await.map_err(problem)?;
    let key = uuid(&id)?;
    let owner = exchange.app.auth.api_key_owner(key).await?.ok_or(Code::NotFound)?;
    // That somebody else has such a key is nobody's business.
    match exchange.app.commands.authorise(&exchange.caller, action, Some(owner)).await {
        Err(refusal) if refusal.is_decision() => return Err(Code::NotFound.into()),
        judged => judged.map_err(problem)?,
    }
    if let Some(replayed) = exchange.replay().await? {
        return Ok(replayed);
    }
    let answered = exchange.revoke_api_key(owner, key).await;
    exchange.finish(answered).await
}

impl Exchange {
    async fn create_api_key(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let wanted = self.read_wanted_key()?;
        self.check_owner(wanted.user).await?;
        let precondition = self.precondition(None)?;
        let (user, auth) = (wanted.user, &self.app.auth);
        let (key, command) = auth.make_api_key(wanted).await?;
        let unit = UserUnit { precondition, key: self.key(), ..UserUnit::new(user, command) };
        let mut answer = match self.app.commands.users(&self.caller, &unit, created).await {
            Ok(answer) => answer,
            Err(refusal) => {
                if refusal.is_decision() {
                    auth.unmake_api_key(&key).await?;
                }
                return Err(problem(refusal));
            }
        };
        if answer.replayed {
            auth.unmake_api_key(&key).await?;
        } else {
            answer.show_once("key", json!(key.text));
        }
        Ok(answer)
    }

    fn read_wanted_key(&self) -> Result<WantedKey, Problem> {
        let object = self.body.object()?;
        let mut fields = object.fields();
        let name = fields.required("name", rule(PersonName::parse));
        if !fields.has("scopes") {
            fields.refuse("scopes", Flaw::new("REQUIRED"));
        }
        let scopes = fields.list("scopes", 1..=Scope::ALL.len(), rule(str::parse::<Scope>));
        let expires_at = fields.required("expire_time", time);
        let rate_per_minute =
            fields.optional("rate_per_minute", |rate| RatePerMinute::parse(rate).map_err(flaw));
        let service_account = fields.optional("service_account", any::<Uuid>);
        fields.finish_with(|| {
            Some(WantedKey {
                user: service_account.map_or(self.user, UserId),
                name: name?,
                scopes: scopes?.into_iter().collect(),
                expires_at: expires_at?,
                rate_per_minute,
            })
        })
    }

    /// The body may name a service account only, and only if the caller manages those.
    async fn check_owner(&self, user: UserId) -> Result<(), Problem> {
        if user == self.user {
            return Ok(());
        }
        let commands = &self.app.commands;
        commands.authorise(&self.caller, Action::ApiKeyManage, Some(user)).await.map_err(problem)?;
        if commands.load_user(user).await.map_err(problem)?.is_service_account() {
            return Ok(());
        }
        let flaw = Flaw::new("NOT_A_SERVICE_ACCOUNT");
        Err(Violation::at("/service_account", flaw).into())
    }
}

impl Exchange<NoBody> {
    /// Whose keys the query asks for.
    fn whose(&self) -> Result<UserId, Problem> {
        let mut query = self.query();
        let user = query.one("service_account", |text| {
            Uuid::try_parse(text).map_err(|_| Flaw::new("MALFORMED").param("expected", "a UUID"))
        });
        query.finish()?;
        Ok(user.map_or(self.user, UserId))
    }

    async fn revoke_api_key(&self, user: UserId, key: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let precondition = self.precondition(None)?;
        let version = self.app.commands.load_user(user).await.map_err(problem)?.version;
        precondition.check_user(version).map_err(problem)?;
        self.app.auth.disarm_api_key(key).await?;
        let command = UserCommand::RevokeApiKey { key };
        let unit = UserUnit { precondition, key: self.key(), ..UserUnit::new(user, command) };
        let reply = |done: &UserDone| {
            let body = json!({"id": key, "user": done.id, "version": done.user.version});
            answer(200, body, done)
        };
        self.app.commands.users(&self.caller, &unit, reply).await.map_err(problem)
    }
}

fn created(done: &UserDone) -> Reply {
    let new = done.events.iter().find_map(|event| match event {
        UserEvent::ApiKeyCreated(new) => Some(new),
        _ => None,
    });
    let body = json!({
        "id": new.map(|new| new.key),
        "user": done.id,
        "version": done.user.version,
        "scopes": new.map(|new| new.scopes),
        "expire_time": new.map(|new| new.expires_at),
        "rate_per_minute": new.and_then(|new| new.rate_per_minute),
    });
    answer(201, body, done)
}

/// Nothing personal and nothing secret: replies are kept.
fn answer(status: u16, body: Value, done: &UserDone) -> Reply {
    Reply { status, body: body.to_string(), etag: Some(format!("\"{}\"", done.user.version)), location: None }
}

/// An instant, RFC 3339.
fn time(text: &str) -> Result<DateTime<Utc>, Flaw> {
    let flaw = |_| Flaw::new("MALFORMED").param("expected", "RFC 3339").detail("must be a time, RFC 3339");
    DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).map_err(flaw)
}
