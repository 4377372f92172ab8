//! The devices that notices are pushed to.

use axum::{extract::Path, http::StatusCode};
use domain::{
    ids::{DeviceId, UserId},
    personal::Sealed,
    policy::Action,
    user::{Device, DeviceRegistered, Platform, Removal, UserCommand, values::PushToken},
};
use event_store::{Claim, ClaimAction};
use serde_json::{Value, json};
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::{
    app::uuid,
    exchange::{Exchange, NoBody, json_response},
    ops::rule,
    problems::problem,
    schemas,
    tasks::Handled,
};
use crate::commands::{Answer, Caller, Commands, Refusal, Reply, UserDone, UserUnit, Who};

/// Have notices pushed to a device.
///
/// A token that is known already names the same device; one that was somebody else's is theirs no more.
#[utoipa::path(post, path = "/v1/users/me/devices", tag = "notifications", operation_id = "register_device",
    request_body = schemas::NewDevice, responses((status = 201, body = schemas::DeviceReply)),
    extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn register(exchange: Exchange) -> Handled {
    exchange.permitted(Action::UserEdit, Exchange::register_device).await
}

/// The devices that one's notices are pushed to, the oldest first.
///
/// All at once: nobody has more than 20.
#[utoipa::path(get, path = "/v1/users/me/devices", tag = "notifications", operation_id = "list_devices",
    responses((status = 200, body = schemas::Devices)), extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn list(exchange: Exchange<NoBody>) -> Handled {
    let (me, commands) = (exchange.user, &exchange.app.commands);
    commands.authorise(&exchange.caller, Action::UserEdit, Some(me)).await.map_err(problem)?;
    exchange.refuse_query()?;
    let user = commands.load_user(me).await.map_err(problem)?;
    let item = |device: &Device| json!({"id": device.id, "platform": device.platform});
    let items: Vec<Value> = user.devices.iter().map(item).collect();
    Ok(json_response(StatusCode::OK, &json!({"items": items, "next_page_token": ""})))
}

/// Have no more notices pushed to a device.
#[utoipa::path(delete, path = "/v1/users/me/devices/{id}", tag = "notifications",
    operation_id = "remove_device", params(schemas::DevicePath), responses((status = 204)),
    extensions(("x-policy" = json!("user.edit"))))]
pub(super) async fn remove(Path(id): Path<String>, exchange: Exchange<NoBody>) -> Handled {
    let device = DeviceId(uuid(&id)?);
    let me = exchange.user;
    let remove = async |exchange: &Exchange<NoBody>| exchange.remove_device(me, device).await;
    exchange.permitted(Action::UserEdit, remove).await
}

/// Have no more notices pushed to a device of somebody, as the system does when the push service knows it no more.
#[utoipa::path(delete, path = "/v1/users/{id}/devices/{device}", tag = "notifications",
    operation_id = "remove_device_of", params(schemas::UserDevicePath), responses((status = 204)),
    extensions(("x-policy" = json!("device.remove"))))]
pub(super) async fn remove_of(
    Path((id, device)): Path<(String, String)>,
    mut exchange: Exchange<NoBody>,
) -> Handled {
    let (user, device) = (UserId(uuid(&id)?), DeviceId(uuid(&device)?));
    if let Some(replayed) = exchange.begin(Action::DeviceRemove, Some(user)).await? {
        return Ok(replayed);
    }
    let answered = exchange.remove_device(user, device).await;
    exchange.finish(answered).await
}

impl Exchange {
    async fn register_device(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let platform = fields.required("platform", rule(str::parse::<Platform>));
        let token = fields.required("token", rule(PushToken::parse));
        let (platform, token) = fields.finish_with(|| Some((platform?, token?)))?;
        let (me, commands) = (self.user, &self.app.commands);
        let sealed = commands.seal(me, token.as_str()).await.map_err(problem)?;
        let new = DeviceRegistered { device: DeviceId(Uuid::now_v7()), platform, token: sealed.clone() };
        let known = commands.load_user(me).await.map_err(problem)?.device(&sealed).is_some();
        let claim = commands.device_claim(me, token.as_str(), ClaimAction::Take);
        let unit = UserUnit {
            precondition: self.precondition(None)?,
            claims: (!known).then_some(claim).into_iter().collect(),
            key: self.key(),
            ..UserUnit::new(me, UserCommand::RegisterDevice(new))
        };
        let reply = |done: &UserDone| registered(done, &sealed);
        match commands.users(&self.caller, &unit, reply).await {
            Err(Refusal::Taken { owner, .. }) => {
                commands.take_over(&self.caller, UserId(owner), &token).await.map_err(problem)?;
                commands.users(&self.caller, &unit, reply).await.map_err(problem)
            }
            answered => answered.map_err(problem),
        }
    }
}

impl Exchange<NoBody> {
    async fn remove_device(&self, id: UserId, device: DeviceId) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let commands = &self.app.commands;
        let user = commands.load_user(id).await.map_err(problem)?;
        let known = user.devices.iter().find(|known| known.id == device).ok_or(Code::NotFound)?;
        let token = commands.unseal(&known.token).await.map_err(problem)?;
        let claims = token.map(|token| commands.device_claim(id, &token, ClaimAction::Release));
        // The system asks for it for one reason only.
        let why = if self.caller.who == Who::System { Removal::Unregistered } else { Removal::Removed };
        let unit = UserUnit {
            precondition: self.precondition(None)?,
            claims: claims.into_iter().collect(),
            key: self.key(),
            ..UserUnit::new(id, UserCommand::RemoveDevice { device, why })
        };
        let nothing = |_: &UserDone| Reply { status: 204, ..Reply::default() };
        commands.users(&self.caller, &unit, nothing).await.map_err(problem)
    }
}

impl Commands {
    /// Notices of whom the device was before must not come to who uses it now.
    async fn take_over(&self, caller: &Caller, owner: UserId, token: &PushToken) -> Result<(), Refusal> {
        let sealed = self.seal(owner, token.as_str()).await?;
        let Some(device) = self.load_user(owner).await?.device(&sealed).map(|device| device.id) else {
            return Ok(());
        };
        let system = Caller {
            who: Who::System,
            session: None,
            ip: None,
            ip_chain: None,
            user_agent: None,
            ..caller.clone()
        };
        let claims = vec![self.device_claim(owner, token.as_str(), ClaimAction::Release)];
        let command = UserCommand::RemoveDevice { device, why: Removal::TakenOver };
        self.user(&system, &UserUnit { claims, ..UserUnit::new(owner, command) }).await.map(drop)
    }

    fn device_claim(&self, user: UserId, token: &str, action: ClaimAction) -> Claim {
        let value = self.keyed_hash(DEVICE, token);
        Claim { scope: DEVICE.into(), value, owner: user.0, action }
    }
}

/// A device, by the HMAC of what the push service calls it.
const DEVICE: &str = "user.device";

fn registered(done: &UserDone, token: &Sealed) -> Reply {
    let version = done.user.version;
    let device = done.user.device(token);
    let body = json!({
        "id": device.map(|device| device.id),
        "platform": device.map(|device| device.platform),
        "version": version,
    });
    Reply {
        status: if done.events.is_empty() { 200 } else { 201 },
        body: body.to_string(),
        etag: Some(format!("\"{version}\"")),
        location: None,
    }
}
