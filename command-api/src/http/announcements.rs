//! Announcements: what somebody tells many at a time.

use axum::extract::Path;
use domain::{
    announcement::{
        Announcement, AnnouncementCommand, AnnouncementContent, AnnouncementEdit, AnnouncementScheduled,
        values::{Body, Headline, MAX_USERS, Recipients},
    },
    notification::{Channel, ChannelSet},
    policy::{Action, Role},
    task::values::{Due, Reason},
    time::TimeZone,
};
use serde_json::json;
use service::{
    http::MergePatch,
    json::{Fields, any},
    problem::Problem,
};
use uuid::Uuid;

use super::{
    app::uuid,
    exchange::Exchange,
    ops::{rule, users, uuid_v7},
    records::answer,
    schemas,
    tasks::Handled,
};
use crate::commands::{Answer, RecordDone, Reply};

const RIGHT: Action = Action::AnnouncementManage;

/// Write a draft of an announcement. Needs an Idempotency-Key.
#[utoipa::path(post, path = "/v1/announcements", tag = "announcements", operation_id = "create_announcement",
    request_body = schemas::NewAnnouncement, responses((status = 201, body = schemas::AnnouncementReply)),
    extensions(("x-policy" = json!("announcement.manage"))))]
pub(super) async fn create(exchange: Exchange) -> Handled {
    exchange.permitted(RIGHT, Exchange::draft_announcement).await
}

/// Change a draft. Needs If-Match.
#[utoipa::path(patch, path = "/v1/announcements/{id}", tag = "announcements",
    operation_id = "update_announcement", params(schemas::AnnouncementPath),
    request_body(content = schemas::EditAnnouncement, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::AnnouncementReply)),
    extensions(("x-policy" = json!("announcement.manage"))))]
pub(super) async fn update(Path(id): Path<String>, exchange: Exchange<MergePatch>) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(RIGHT, async |exchange| exchange.edit_announcement(id).await).await
}

/// Say when an announcement is sent. Needs If-Match and an Idempotency-Key.
///
/// A time that is over means at once. Who is told is settled when it is sent. How far that has come says the operation of the
/// announcement's id, `GET /v1/operations/{id}`.
#[utoipa::path(post, path = "/v1/announcements/{id}/schedule", tag = "announcements",
    operation_id = "schedule_announcement", params(schemas::AnnouncementPath),
    request_body = schemas::AnnouncementTime, responses((status = 202, body = schemas::AnnouncementReply)),
    extensions(("x-policy" = json!("announcement.manage"))))]
pub(super) async fn schedule(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(RIGHT, async |exchange| exchange.schedule_announcement(id).await).await
}

/// Do not send an announcement, if its time has not come. Needs If-Match and an Idempotency-Key.
#[utoipa::path(post, path = "/v1/announcements/{id}/cancel", tag = "announcements",
    operation_id = "cancel_announcement", params(schemas::AnnouncementPath),
    request_body = schemas::OnlyReason, responses((status = 200, body = schemas::AnnouncementReply)),
    extensions(("x-policy" = json!("announcement.manage"))))]
pub(super) async fn cancel(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(RIGHT, async |exchange| exchange.cancel_announcement(id).await).await
}

/// Say that an announcement is on its way. For the system alone, whose clock counts. Needs an Idempotency-Key.
///
/// Refused if somebody has cancelled it or set another time.
#[utoipa::path(post, path = "/v1/announcements/{id}/sent", tag = "announcements",
    operation_id = "announcement_sent", params(schemas::AnnouncementPath),
    request_body = schemas::AnnouncementOnItsWay, responses((status = 200, body = schemas::AnnouncementReply)),
    extensions(("x-policy" = json!("announcement.send"))))]
pub(super) async fn sent(Path(id): Path<String>, exchange: Exchange) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(Action::AnnouncementSend, async |exchange| exchange.send_announcement(id).await).await
}

impl Exchange {
    async fn draft_announcement(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_have_key()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let title = fields.required("title", rule(Headline::parse));
        let body = fields.required("body", rule(Body::parse));
        let audience = fields.required_object("audience", recipients);
        let channels = channels(&mut fields).unwrap_or(ChannelSet::ALL);
        let content = fields.finish_with(|| {
            Some(AnnouncementContent { title: title?, body: body?, audience: audience?, channels })
        })?;
        let id = id.unwrap_or_else(Uuid::now_v7);
        self.on_record(id, AnnouncementCommand::Draft(Box::new(content)), reply).await
    }

    async fn schedule_announcement(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_have_key()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let at = fields.required("at", rule(Due::parse_at));
        let zone = fields.required("zone", rule(TimeZone::parse));
        let wanted = fields.finish_with(|| Some(AnnouncementScheduled { at: at?, zone: zone? }))?;
        self.must_match()?;
        self.on_record(id, AnnouncementCommand::Schedule(wanted), promise).await
    }

    async fn send_announcement(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_have_key()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let at = fields.required("at", rule(Due::parse_at));
        let recipients = fields.required("recipients", any::<u32>);
        let command =
            fields.finish_with(|| Some(AnnouncementCommand::Send { at: at?, recipients: recipients? }))?;
        self.on_record(id, command, reply).await
    }

    async fn cancel_announcement(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_have_key()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let reason = fields.nullable("reason", rule(Reason::parse)).value();
        fields.finish()?;
        self.must_match()?;
        self.on_record(id, AnnouncementCommand::Cancel { reason }, reply).await
    }
}

impl Exchange<MergePatch> {
    async fn edit_announcement(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let edit = AnnouncementEdit {
            title: fields.optional("title", rule(Headline::parse)),
            body: fields.optional("body", rule(Body::parse)),
            audience: fields.optional_object("audience", recipients),
            channels: channels(&mut fields),
        };
        fields.finish()?;
        self.must_match()?;
        self.on_record(id, AnnouncementCommand::Edit(Box::new(edit)), reply).await
    }
}

fn channels(fields: &mut Fields<'_>) -> Option<ChannelSet> {
    let channels = fields.list("channels", 1..=Channel::ALL.len(), rule(str::parse::<Channel>))?;
    Some(channels.into_iter().collect())
}

fn recipients(fields: &mut Fields<'_>) -> Option<Recipients> {
    let everyone = fields.optional("everyone", any::<bool>);
    let roles = fields.list("roles", 0..=Role::ALL.len(), rule(str::parse::<Role>));
    let named = if fields.has("users") { users(fields, "users", 0..=MAX_USERS) } else { None };
    Some(Recipients {
        everyone: everyone.unwrap_or_default(),
        roles: roles.unwrap_or_default().into_iter().collect(),
        users: named.unwrap_or_default(),
    })
}

/// What is promised is watched elsewhere.
fn promise(done: &RecordDone<Announcement>) -> Reply {
    Reply { status: 202, location: Some(format!("/v1/operations/{}", done.id)), ..reply(done) }
}

fn reply(done: &RecordDone<Announcement>) -> Reply {
    let Announcement { author, content, state, scheduled, recipients, create_time, update_time, .. } =
        &done.record;
    let mut body = json!({
        "author": author,
        "state": state,
        "schedule": scheduled,
        "recipients": recipients,
        "create_time": create_time,
        "update_time": update_time,
    });
    if let (Some(body), serde_json::Value::Object(said)) = (body.as_object_mut(), json!(content)) {
        body.extend(said);
    }
    answer(done, "announcements", body)
}
