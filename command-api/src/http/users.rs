//! Users: profile, invitation, verification, roles, being locked out.

use axum::{extract::Path, response::Response};
use domain::{
    ids::{LinkId, UserId},
    policy::{Action, Role, RoleSet},
    user::{
        Profile, Proof, UserCommand,
        values::{Locale, PersonName, Reason, TimeZone},
    },
};
use event_store::Claim;
use serde_json::json;
use service::{
    http::{MergePatch, RequestBody},
    problem::Problem,
};
use uuid::Uuid;

use super::{
    app::uuid,
    auth::read_person,
    exchange::{Content, Exchange},
    ops::{rule, uuid_v7},
    problems::problem,
    schemas,
    tasks::Handled,
};
use crate::commands::{Answer, Reply, UserDone, UserUnit};

/// Change one's own profile.
#[utoipa::path(patch, path = "/v1/users/me", tag = "users",
    request_body(content = schemas::Profile, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn edit_me(mut exchange: Exchange<MergePatch>) -> Handled {
    let me = exchange.user;
    if let Some(replayed) = exchange.begin(Action::UserEdit, Some(me)).await? {
        return Ok(replayed);
    }
    let answered = exchange.edit_profile(me).await;
    exchange.finish(answered).await
}

impl Exchange<MergePatch> {
    async fn edit_profile(&self, me: UserId) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let name = fields.optional("name", rule(PersonName::parse));
        let locale = fields.optional("locale", rule(Locale::parse));
        let time_zone = fields.optional("time_zone", rule(TimeZone::parse));
        fields.finish()?;
        let name = match name {
            Some(name) => Some(self.app.commands.seal(me, name.as_str()).await.map_err(problem)?),
            None => None,
        };
        self.on_user(me, UserCommand::EditProfile(Profile { name, locale, time_zone }), Vec::new()).await
    }
}

/// Invite somebody.
///
/// They get a mail with a link to set their first password; or an admin verifies them.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = schemas::Invite,
    responses((status = 201, body = schemas::UserReply)), extensions(("x-policy" = json!("user.invite"))))]
pub(super) async fn invite(mut exchange: Exchange) -> Handled {
    if let Some(replayed) = exchange.begin(Action::UserInvite, None).await? {
        return Ok(replayed);
    }
    let answered = exchange.invite().await;
    exchange.finish(answered).await
}

impl Exchange {
    async fn invite(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let person = read_person(&mut fields);
        let roles = fields.list("roles", 0..=Role::ALL.len(), rule(str::parse::<Role>));
        let person = fields.finish_with(|| person)?;
        let roles: RoleSet = roles.unwrap_or_default().into_iter().collect();
        let id = UserId(id.unwrap_or_else(Uuid::now_v7));
        let commands = &self.app.commands;
        let user = commands.seal_person(id, &person).await.map_err(problem)?;
        let claims = vec![commands.email_claim(id, &person.email)];
        let link = Some(LinkId(Uuid::now_v7()));
        self.on_user(id, UserCommand::Invite { user, roles, link }, claims).await
    }

    async fn reasoned(
        &self,
        id: UserId,
        command: fn(Option<Reason>) -> UserCommand,
    ) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let reason = fields.nullable("reason", rule(Reason::parse)).value();
        fields.finish()?;
        self.on_user(id, command(reason), Vec::new()).await
    }

    async fn change_role(&self, id: UserId, command: fn(Role) -> UserCommand) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let role = fields.required("role", rule(str::parse::<Role>));
        let role = fields.finish_with(|| role)?;
        self.must_match()?;
        self.on_user(id, command(role), Vec::new()).await
    }

    async fn verify(&self, id: UserId) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        object.fields().finish()?;
        self.on_user(id, UserCommand::Verify { proof: Proof::Word }, Vec::new()).await
    }
}

impl<B: Content> Exchange<B> {
    /// Authorises an action that is not on a task, then looks for a kept answer.
    pub(super) async fn begin(
        &mut self,
        action: Action,
        subject: Option<UserId>,
    ) -> Result<Option<Response>, Problem> {
        self.app.commands.authorise(&self.caller, action, subject).await.map_err(problem)?;
        self.replay().await
    }

    async fn on_user(
        &self,
        user: UserId,
        command: UserCommand,
        claims: Vec<Claim>,
    ) -> Result<Answer, Problem> {
        let precondition = self.precondition(None)?;
        let unit = UserUnit { user, command, precondition, claims, key: self.key() };
        self.app.commands.users(&self.caller, &unit, reply).await.map_err(problem)
    }
}

/// What a command on a user answers. Nothing personal: replies are kept.
pub(super) fn reply(done: &UserDone) -> Reply {
    let created = done.user.version == done.events.len().cast_signed() as i64 && !done.events.is_empty();
    let user = &done.user;
    let body = json!({
        "id": done.id,
        "version": user.version,
        "state": user.state(),
        "roles": user.roles,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "update_time": user.update_time,
    });
    Reply {
        status: if created { 201 } else { 200 },
        body: body.to_string(),
        etag: Some(format!("\"{}\"", user.version)),
        location: created.then(|| format!("/v1/users/{}", done.id)),
    }
}

macro_rules! posts {
    ($($(#[$doc:meta])* $name:ident $path:literal $policy:literal $action:expr, $schema:path
        => |$exchange:ident, $id:ident| $answered:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "users", params(schemas::UserPath), request_body = $schema,
            responses((status = 200, body = schemas::UserReply)), extensions(("x-policy" = json!($policy))))]
        pub(super) async fn $name(Path(id): Path<String>, mut exchange: Exchange<RequestBody>) -> Handled {
            let id = UserId(uuid(&id)?);
            if let Some(replayed) = exchange.begin($action, Some(id)).await? {
                return Ok(replayed);
            }
            let ($exchange, $id) = (&exchange, id);
            let answered = $answered.await;
            exchange.finish(answered).await
        }
    )*};
}

posts! {
    /// Verify a user in place of the mailed link.
    verify "/v1/users/{id}/verify" "user.verify" Action::UserVerify, schemas::Nothing
        => |exchange, id| exchange.verify(id);
    /// Lock a user out.
    deactivate "/v1/users/{id}/deactivate" "user.deactivate" Action::UserDeactivate, schemas::OnlyReason
        => |exchange, id| exchange.reasoned(id, |reason| UserCommand::Deactivate { reason });
    /// Let a user in again.
    reactivate "/v1/users/{id}/reactivate" "user.deactivate" Action::UserDeactivate, schemas::OnlyReason
        => |exchange, id| exchange.reasoned(id, |reason| UserCommand::Reactivate { reason });
    /// End all sessions of a user.
    log_out "/v1/users/{id}/logout" "user.logout" Action::UserLogout, schemas::OnlyReason
        => |exchange, id| exchange.reasoned(id, |reason| UserCommand::LogOut { reason });
    /// Give a role. Needs If-Match.
    grant_role "/v1/users/{id}/roles/grant" "user.roles" Action::UserRoles, schemas::RoleName
        => |exchange, id| exchange.change_role(id, |role| UserCommand::GrantRole { role });
    /// Take a role. Needs If-Match.
    revoke_role "/v1/users/{id}/roles/revoke" "user.roles" Action::UserRoles, schemas::RoleName
        => |exchange, id| exchange.change_role(id, |role| UserCommand::RevokeRole { role });
}
