//! Rules that say who is told what.

use axum::extract::Path;
use domain::{
    filter::{Filter, FilterOver},
    notification::{Category, Channel, ChannelSet},
    notification_rule::{
        DefaultRule, NotificationRule, NotificationRuleCommand, RuleDefinition, RuleEdit,
        values::{Audience, Group, MAX_TRIGGERS, MAX_USERS, RuleName, Template, Trigger},
    },
    policy::{Action, Role},
};
use serde_json::json;
use service::{
    http::MergePatch,
    json::{Fields, any},
    problem::{Flaw, Problem},
};
use uuid::Uuid;

use super::{
    app::uuid,
    exchange::{Exchange, NoBody},
    ops::{rule, users, uuid_v7},
    records::answer,
    schemas,
    tasks::Handled,
};
use crate::commands::{Answer, RecordDone, Reply};

const RIGHT: Action = Action::NotificationRuleManage;

/// Make a notification rule.
///
/// Some rules hold from the beginning: `assigned`, `status_changed`, `commented`, `mentioned`, `due_soon`, `overdue`,
/// `escalated`, `unblocked`, `reopened`. A rule that `replaces` one of them says what that one says, but for the members
/// that are sent; with `enabled: false` the default is off. Nobody is told of their own acts, or of tasks that they do not
/// see.
#[utoipa::path(post, path = "/v1/notification-rules", tag = "notifications",
    operation_id = "create_notification_rule", request_body = schemas::NewNotificationRule,
    responses((status = 201, body = schemas::NotificationRuleReply)),
    extensions(("x-policy" = json!("notification_rule.manage"))))]
pub(super) async fn create(exchange: Exchange) -> Handled {
    exchange.permitted(RIGHT, Exchange::create_rule).await
}

/// Change what a notification rule says. Needs If-Match.
#[utoipa::path(patch, path = "/v1/notification-rules/{id}", tag = "notifications",
    operation_id = "update_notification_rule", params(schemas::NotificationRulePath),
    request_body(content = schemas::EditNotificationRule, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::NotificationRuleReply)),
    extensions(("x-policy" = json!("notification_rule.manage"))))]
pub(super) async fn update(Path(id): Path<String>, exchange: Exchange<MergePatch>) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(RIGHT, async |exchange| exchange.edit_rule(id).await).await
}

/// Delete a notification rule. Needs If-Match.
///
/// A default that it replaced holds again.
#[utoipa::path(delete, path = "/v1/notification-rules/{id}", tag = "notifications",
    operation_id = "delete_notification_rule", params(schemas::NotificationRulePath),
    responses((status = 200, body = schemas::RecordDeleted)),
    extensions(("x-policy" = json!("notification_rule.manage"))))]
pub(super) async fn delete(Path(id): Path<String>, exchange: Exchange<NoBody>) -> Handled {
    let id = uuid(&id)?;
    exchange.permitted(RIGHT, async |exchange| exchange.delete_rule(id).await).await
}

impl Exchange {
    async fn create_rule(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let replaces = fields.optional("replaces", rule(str::parse::<DefaultRule>));
        let edit = read(&mut fields);
        if replaces.is_none() {
            for member in ["name", "event_types", "audience"] {
                if !fields.has(member) {
                    fields.refuse(member, Flaw::new("REQUIRED_UNLESS").param("other", "replaces"));
                }
            }
        }
        let definition = fields.finish_with(|| complete(edit, replaces))?;
        let id = id.unwrap_or_else(Uuid::now_v7);
        self.on_record(id, NotificationRuleCommand::Create(Box::new(definition)), reply).await
    }
}

impl Exchange<MergePatch> {
    async fn edit_rule(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let edit = read(&mut fields);
        fields.finish()?;
        self.must_match()?;
        self.on_record(id, NotificationRuleCommand::Edit(Box::new(edit)), reply).await
    }
}

impl Exchange<NoBody> {
    async fn delete_rule(&self, id: Uuid) -> Result<Answer, Problem> {
        self.refuse_query()?;
        self.must_match()?;
        self.on_record(id, NotificationRuleCommand::Delete, reply).await
    }
}

fn read(fields: &mut Fields<'_>) -> RuleEdit {
    let channels = fields.list("channels", 1..=Channel::ALL.len(), rule(str::parse::<Channel>));
    RuleEdit {
        name: fields.optional("name", rule(RuleName::parse)),
        category: fields.optional("category", rule(str::parse::<Category>)),
        event_types: fields.list("event_types", 1..=MAX_TRIGGERS, rule(Trigger::parse)),
        filter: fields.nullable("filter", rule(|text| Filter::parse(text, FilterOver::Events))).change(),
        audience: fields.optional_object("audience", audience),
        channels: channels.map(|channels| channels.into_iter().collect()),
        template: fields.optional("template", rule(str::parse::<Template>)),
        enabled: fields.optional("enabled", any::<bool>),
    }
}

fn audience(fields: &mut Fields<'_>) -> Option<Audience> {
    let groups = fields.list("groups", 0..=Group::ALL.len(), rule(str::parse::<Group>));
    let roles = fields.list("roles", 0..=Role::ALL.len(), rule(str::parse::<Role>));
    let named = if fields.has("users") { users(fields, "users", 0..=MAX_USERS) } else { None };
    Some(Audience {
        groups: groups.unwrap_or_default().into_iter().collect(),
        roles: roles.unwrap_or_default().into_iter().collect(),
        users: named.unwrap_or_default(),
    })
}

/// What is not said is as in the default that is replaced, or plain.
fn complete(edit: RuleEdit, replaces: Option<DefaultRule>) -> Option<RuleDefinition> {
    if let Some(replaced) = replaces {
        return Some(edit.of(&replaced.definition()));
    }
    let plain = RuleDefinition {
        name: edit.name.clone()?,
        category: Category::Change,
        event_types: Vec::new(),
        filter: None,
        audience: Audience::default(),
        channels: ChannelSet::ALL,
        template: Template::Change,
        enabled: true,
        replaces: None,
    };
    Some(edit.of(&plain))
}

fn reply(done: &RecordDone<NotificationRule>) -> Reply {
    let NotificationRule { definition, create_time, update_time, .. } = &done.record;
    let mut body = json!(definition);
    if let Some(members) = body.as_object_mut() {
        members.insert("create_time".into(), json!(create_time));
        members.insert("update_time".into(), json!(update_time));
    }
    answer(done, "notification-rules", body)
}
