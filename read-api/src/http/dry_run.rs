//! `POST /v1/notification-rules/dry-run`

use axum::{extract::State, response::IntoResponse};
use domain::{
    filter::{Filter, FilterOver},
    ids::UserId,
    notification::{Category, Channel},
    notification_rule::{
        DefaultRule, RuleDefinition, RuleEdit,
        values::{Audience, Group, MAX_TRIGGERS, MAX_USERS, RuleName, Template, Trigger},
    },
    policy::{Action, Role},
    violation::Violation,
    webhook::values::Moment,
};
use service::{
    http::RequestBody,
    json::{Fields, any},
    problem::{Code, Flaw, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer,
    caller::Caller,
    failure::{failed, unloaded, unlogged},
    task_query::flaw,
};
use crate::{
    ReadApi,
    model::{DryRun, DryRunRequest},
    queries::{Asking, DryRunError, dry_run},
};

/// What a notification rule would have told whom, of events that have happened. Nothing is sent, and nothing changes.
///
/// It is decided as for rules that hold, for this rule alone, on tasks as they were and on people and their wishes as they are
/// today. An answer looks at 200 events at most.
#[utoipa::path(
    post, path = "/v1/notification-rules/dry-run", tag = "notifications", operation_id = "dry_run_notification_rule",
    request_body = DryRunRequest,
    responses((status = 200, body = DryRun)),
    extensions(("x-policy" = json!("notification_rule.manage"))),
)]
pub(super) async fn run(
    State(api): State<ReadApi>,
    caller: Caller,
    query: Query,
    body: RequestBody,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::NotificationRuleManage)?;
    query.finish()?;
    let head = api.log.head().await.map_err(unlogged)?;
    let object = body.object()?;
    let mut fields = object.fields();
    let rule = fields.required_object("rule", rule);
    let after = fields.optional("after", position).unwrap_or(0);
    let up_to = fields.optional("up_to", position).unwrap_or(head);
    let from = fields.optional("from", parsed(str::parse::<Moment>));
    let to = fields.optional("to", parsed(str::parse::<Moment>));
    if from.zip(to).is_some_and(|(from, to)| from.is_past(to)) {
        fields.refuse("to", Flaw::new("OUT_OF_RANGE").detail("must be after from"));
    }
    let rule = fields.finish_with(|| rule)?;
    if after.max(up_to) > head || [from, to].into_iter().flatten().any(|moment| is_ahead(moment, head)) {
        return Err(Problem::new(Code::PositionAhead).with("head", head));
    }
    let asking = Asking { id: caller.id, roles: caller.roles };
    let from = bound(&api, from).await?.unwrap_or(0);
    let to = bound(&api, to).await?.unwrap_or(head);
    let range = (after.max(from), up_to.min(to));
    let answer = dry_run(&api.log, &api.lists, &rule, asking, range).await.map_err(untold)?;
    Answer::json(&answer)
}

/// The position before that moment.
async fn bound(api: &ReadApi, moment: Option<Moment>) -> Result<Option<i64>, Problem> {
    let Some(moment) = moment else { return Ok(None) };
    api.log.position_before(moment).await.map(Some).map_err(unlogged)
}

/// One behind the last is no further than the log.
fn is_ahead(moment: Moment, head: i64) -> bool {
    matches!(moment, Moment::Position(position) if position > head + 1)
}

fn untold(error: DryRunError) -> Problem {
    match error {
        DryRunError::Log(error) => unlogged(error),
        DryRunError::Load(error) => unloaded(error),
        DryRunError::Model(error) => failed(error),
    }
}

fn position(position: i64) -> Result<i64, Flaw> {
    if position < 0 { Err(Flaw::new("TOO_SMALL").param("min", 0)) } else { Ok(position) }
}

fn parsed<T>(parse: impl Fn(&str) -> Result<T, Violation>) -> impl Fn(&str) -> Result<T, Flaw> {
    move |text| parse(text).map_err(flaw)
}

/// What is not said is as in the default that it replaces, or plain.
fn rule(fields: &mut Fields<'_>) -> Option<RuleDefinition> {
    let replaces = fields.optional("replaces", parsed(str::parse::<DefaultRule>));
    for member in ["event_types", "audience"] {
        if replaces.is_none() && !fields.has(member) {
            fields.refuse(member, Flaw::new("REQUIRED_UNLESS").param("other", "replaces"));
        }
    }
    let channels = fields.list("channels", 1..=Channel::ALL.len(), parsed(str::parse::<Channel>));
    let edit = RuleEdit {
        name: fields.optional("name", parsed(RuleName::parse)),
        category: fields.optional("category", parsed(str::parse::<Category>)),
        event_types: fields.list("event_types", 1..=MAX_TRIGGERS, parsed(Trigger::parse)),
        filter: fields.optional("filter", parsed(|text| Filter::parse(text, FilterOver::Events))).map(Some),
        audience: fields.optional_object("audience", audience),
        channels: channels.map(|channels| channels.into_iter().collect()),
        template: fields.optional("template", parsed(str::parse::<Template>)),
        enabled: None,
    };
    Some(edit.of(&replaces.map_or_else(plain, DefaultRule::definition)))
}

fn plain() -> RuleDefinition {
    let (category, template) = (Category::Change, Template::Change);
    RuleDefinition { category, template, replaces: None, ..DefaultRule::Commented.definition() }
}

fn audience(fields: &mut Fields<'_>) -> Option<Audience> {
    let groups = fields.list("groups", 0..=Group::ALL.len(), parsed(str::parse::<Group>));
    let roles = fields.list("roles", 0..=Role::ALL.len(), parsed(str::parse::<Role>));
    let users = fields.list("users", 0..=MAX_USERS, any::<Uuid>);
    Some(Audience {
        groups: groups.unwrap_or_default().into_iter().collect(),
        roles: roles.unwrap_or_default().into_iter().collect(),
        users: users.unwrap_or_default().into_iter().map(UserId).collect(),
    })
}
