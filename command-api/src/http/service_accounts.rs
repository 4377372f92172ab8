//! Service accounts: programs that are users of their own.

use domain::{
    ids::UserId,
    policy::{Action, Scope, ScopeSet},
    user::{User, UserCommand, values::PersonName},
};
use serde_json::{Value, json};
use service::problem::Problem;
use uuid::Uuid;

use super::{
    exchange::{Exchange, NoBody, page},
    ops::{rule, uuid_v7},
    problems::problem,
    schemas,
    tasks::Handled,
};
use crate::commands::{Answer, Reply, UserDone, UserUnit};

/// Make a service account.
///
/// It has the role `integrator`, and `member` too if its scopes open tasks. It comes with API keys only, which admins make.
#[utoipa::path(post, path = "/v1/service-accounts", tag = "service_accounts",
    operation_id = "create_service_account",
    request_body = schemas::NewServiceAccount, responses((status = 201, body = schemas::ServiceAccountReply)),
    extensions(("x-policy" = json!("service_account.manage"))))]
pub(super) async fn create(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin(Action::ServiceAccountManage, None).await? {
        return Ok(replayed);
    }
    let answered = exchange.create_service_account().await;
    exchange.finish(answered).await
}

/// The service accounts, the oldest first.
#[utoipa::path(get, path = "/v1/service-accounts", tag = "service_accounts",
    operation_id = "list_service_accounts", params(schemas::PageParams),
    responses((status = 200, body = schemas::ServiceAccounts, headers(
        ("Link" = String, description = "`rel=\"next\"`, unless this is the last page"),
    ))),
    extensions(("x-policy" = json!("service_account.manage"))))]
pub(super) async fn list(exchange: Exchange<NoBody>) -> Handled {
    let commands = &exchange.app.commands;
    let action = Action::ServiceAccountManage;
    commands.authorise(&exchange.caller, action, None).await.map_err(problem)?;
    let paging = exchange.paging()?;
    let after = paging.after()?.unwrap_or(0);
    let mut accounts = commands.service_accounts(after, paging.limit()).await.map_err(problem)?;
    let next = paging.cut(&mut accounts, |(position, _)| *position)?;
    let mut items = Vec::with_capacity(accounts.len());
    for (_, id) in accounts {
        let user = commands.load_user(id).await.map_err(problem)?;
        let name = match &user.name {
            Some(name) => commands.unseal(name).await.map_err(problem)?,
            None => None,
        };
        items.push(item(id, &user, name));
    }
    Ok(page(&paging, &items, &next))
}

fn item(id: UserId, user: &User, name: Option<String>) -> Value {
    json!({
        "id": id,
        "version": user.version,
        "name": name,
        "state": user.state(),
        "roles": user.roles,
        "scopes": user.service_scopes,
        "create_time": user.create_time,
    })
}

impl Exchange {
    async fn create_service_account(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let name = fields.required("name", rule(PersonName::parse));
        let scopes = fields.list("scopes", 1..=Scope::ALL.len(), rule(str::parse::<Scope>));
        let name = fields.finish_with(|| name)?;
        let scopes = scopes.map_or(ScopeSet::ALL, |scopes| scopes.into_iter().collect());
        let user = UserId(id.unwrap_or_else(Uuid::now_v7));
        let commands = &self.app.commands;
        let name = commands.seal(user, name.as_str()).await.map_err(problem)?;
        let unit = UserUnit {
            precondition: self.precondition(None)?,
            key: self.key(),
            ..UserUnit::new(user, UserCommand::CreateServiceAccount { name, scopes })
        };
        commands.users(&self.caller, &unit, reply).await.map_err(problem)
    }
}

/// Nothing personal: replies are kept.
fn reply(done: &UserDone) -> Reply {
    let user = &done.user;
    let body = json!({
        "id": done.id,
        "version": user.version,
        "state": user.state(),
        "roles": user.roles,
        "scopes": user.service_scopes,
    });
    Reply {
        status: 201,
        body: body.to_string(),
        etag: Some(format!("\"{}\"", user.version)),
        location: Some(format!("/v1/users/{}", done.id)),
    }
}
