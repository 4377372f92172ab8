//! `/v1/consumer-groups`: one's own bookmarks in the log. They are no facts: to move one leaves no event, but a record in the
//! audit log.

use axum::{
    extract::{FromRequestParts, Path, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::{
    event::EventPattern,
    filter::{Filter, FilterOver},
    ids::UserId,
    policy::Action,
    violation::Violation,
    webhook::values::{Moment, Start},
};
use service::{
    audit::{Target, Trail},
    http::RequestBody,
    json::{Fields, any},
    problem::{Code, Flaw, Problem},
    query::Query,
    request::RequestContext,
};
use uuid::Uuid;

use super::{
    answer::Answer,
    caller::Caller,
    events::MAX_VALUES,
    failure::{failed, unlogged},
    fresh::MinPosition,
    paging::ListQuery,
    task_query::{flaw, person},
};
use crate::{
    ReadApi,
    consume::{MAX_GROUPS, Made},
    events::Interest,
    model::{
        ConsumerGroup, ConsumerGroupRequest, Page, ParkedGroupEvent, ReplayRequest, SeekRequest,
        SettledEvents, SkipRequest,
    },
};

/// Parked events that may be named at once.
const MAX_POSITIONS: usize = 1_000;

/// `{name}`: small letters, digits and `._-`, at most 64.
pub(super) struct GroupName(pub(super) String);

impl GroupName {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| plain(byte) || b"._-".contains(&byte))
            && text.bytes().next().is_some_and(plain);
        good.then(|| Self(text.to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for GroupName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.ok().and_then(|Path(text)| Self::parse(&text)).ok_or_else(|| Code::InvalidId.into())
    }
}

/// One's own consumer groups.
#[utoipa::path(
    get, path = "/v1/consumer-groups", tag = "events", operation_id = "list_consumer_groups",
    params(
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = Page<ConsumerGroup>, headers(
        ("Position" = i64, description = "The end of the log"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<String> = paging.after()?;
    let fresh = min_position.in_log(&api).await?;
    let mut items = api.group_store.of(caller.id, None, after, paging.limit()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |group| group.name.clone())?;
    paging.answer(items, next_page_token, fresh)
}

/// A consumer group: how far it has come.
#[utoipa::path(
    get, path = "/v1/consumer-groups/{name}", tag = "events", operation_id = "get_consumer_group",
    params(
        ("name" = String, Path, description = "The group's name"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = ConsumerGroup, headers(("Position" = i64, description = "The end of the log")))),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    GroupName(name): GroupName,
    mut query: Query,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    Ok(Answer::json(&find(&api, caller, &name).await?)?.fresh(fresh))
}

/// Makes a consumer group. If there is one of this name already that gets the same events it is left as it is.
///
/// Programs take its events with the rpc `Consume`; at most twenty groups for one owner.
#[utoipa::path(
    put, path = "/v1/consumer-groups/{name}", tag = "events", operation_id = "make_consumer_group",
    params(("name" = String, Path, description = "Small letters, digits, `.`, `_` and `-`; at most 64")),
    request_body = ConsumerGroupRequest,
    responses((status = 200, body = ConsumerGroup), (status = 201, body = ConsumerGroup)),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn make(
    State(api): State<ReadApi>,
    caller: Caller,
    context: RequestContext,
    trail: Trail,
    GroupName(name): GroupName,
    query: Query,
    body: RequestBody,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    query.finish()?;
    let object = body.object()?;
    let mut fields = object.fields();
    let interest = interest(&mut fields, caller);
    let start = fields.optional("start", parsed(str::parse::<Start>));
    fields.finish()?;
    let place = place(&api, start.unwrap_or_default()).await?;
    let made = api.group_store.make((caller.id, &name), &interest, place).await.map_err(failed)?;
    let status = match made {
        Made::New => StatusCode::CREATED,
        Made::There => StatusCode::OK,
        Made::Full => return Err(Problem::new(Code::LimitReached).with("max", MAX_GROUPS)),
        Made::Differs => return Err(differs()),
    };
    let (id, group) = known(&api, caller, &name).await?;
    trail.did(target(id), format!("group={name}&from={}", group.position));
    let mut response = (status, Answer::json(&group)?).into_response();
    if made == Made::New {
        let location = format!("{}{}", context.public_url(), context.path());
        // A name is made of what may stand in a header.
        response
            .headers_mut()
            .extend(HeaderValue::from_str(&location).map(|location| (header::LOCATION, location)));
    }
    Ok(response)
}

/// Forgets a consumer group. Who consumes it is sent away.
#[utoipa::path(
    delete, path = "/v1/consumer-groups/{name}", tag = "events", operation_id = "delete_consumer_group",
    params(("name" = String, Path, description = "The group's name")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn delete(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    GroupName(name): GroupName,
    query: Query,
) -> Result<StatusCode, Problem> {
    caller.may(Action::EventStream)?;
    query.finish()?;
    let (id, group) = known(&api, caller, &name).await?;
    if !api.group_store.remove(caller.id, &name).await.map_err(failed)? {
        return Err(Code::NotFound.into());
    }
    trail.did(target(id), format!("group={name}&from={}", group.position));
    api.groups.look_again(id);
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a consumer group go on from another place. What it had not finished is forgotten, and who consumes it has to come again.
#[utoipa::path(
    post, path = "/v1/consumer-groups/{name}/seek", tag = "events", operation_id = "seek_consumer_group",
    params(("name" = String, Path, description = "The group's name")),
    request_body = SeekRequest, responses((status = 200, body = ConsumerGroup)),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn seek(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    GroupName(name): GroupName,
    query: Query,
    body: RequestBody,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    query.finish()?;
    let object = body.object()?;
    let mut fields = object.fields();
    let to = fields.required("to", parsed(str::parse::<Start>));
    let to = fields.finish_with(|| to)?;
    let place = place(&api, to).await?;
    let (id, group) = known(&api, caller, &name).await?;
    if !api.group_store.move_to((caller.id, &name), place).await.map_err(failed)? {
        return Err(Code::NotFound.into());
    }
    trail.did(target(id), format!("group={name}&from={}&to={}", group.position, place.1));
    api.groups.look_again(id);
    Answer::json(&find(&api, caller, &name).await?)
}

/// What a consumer group has parked, in the order of the log.
#[utoipa::path(
    get, path = "/v1/consumer-groups/{name}/parked", tag = "events", operation_id = "list_parked_group_events",
    params(
        ("name" = String, Path, description = "The group's name"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, body = Page<ParkedGroupEvent>, headers(
        ("Position" = i64, description = "The end of the log"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn parked(
    State(api): State<ReadApi>,
    caller: Caller,
    GroupName(name): GroupName,
    query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    let (paging, min_position) = query.finish(caller)?;
    let after: Option<i64> = paging.after()?;
    let fresh = min_position.in_log(&api).await?;
    find(&api, caller, &name).await?;
    let found = api.group_store.parked(caller.id, &name, after.unwrap_or(0), paging.limit()).await;
    let mut items = found.map_err(failed)?;
    let next_page_token = paging.cut(&mut items, |event| event.position)?;
    paging.answer(items, next_page_token, fresh)
}

/// Has parked events handed out again, and those of the same tasks and users after them.
#[utoipa::path(
    post, path = "/v1/consumer-groups/{name}/parked/replay", tag = "events", operation_id = "replay_parked_group_events",
    params(("name" = String, Path, description = "The group's name")),
    request_body = ReplayRequest, responses((status = 200, body = SettledEvents)),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn replay(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    GroupName(name): GroupName,
    query: Query,
    body: RequestBody,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    query.finish()?;
    let object = body.object()?;
    let mut fields = object.fields();
    let positions = positions(&mut fields);
    fields.finish()?;
    settle(&api, (caller, trail), &name, positions.as_deref(), true).await
}

/// Takes parked events for finished as they are; those of the same tasks and users after them are handed out.
#[utoipa::path(
    post, path = "/v1/consumer-groups/{name}/parked/skip", tag = "events", operation_id = "skip_parked_group_events",
    params(("name" = String, Path, description = "The group's name")),
    request_body = SkipRequest, responses((status = 200, body = SettledEvents)),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn skip(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    GroupName(name): GroupName,
    query: Query,
    body: RequestBody,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::EventStream)?;
    query.finish()?;
    let object = body.object()?;
    let mut fields = object.fields();
    if !fields.has("positions") {
        fields.refuse("positions", Flaw::new("REQUIRED"));
    }
    let positions = positions(&mut fields);
    let positions = fields.finish_with(|| positions)?;
    settle(&api, (caller, trail), &name, Some(&positions), false).await
}

async fn settle(
    api: &ReadApi,
    (caller, trail): (Caller, Trail),
    name: &str,
    positions: Option<&[i64]>,
    again: bool,
) -> Result<Answer, Problem> {
    let (id, _) = known(api, caller, name).await?;
    let settled = api.group_store.settle((caller.id, name), positions, again).await.map_err(failed)?;
    let events = settled.ok_or(Code::NotFound)?;
    let which = positions.map(|positions| positions.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    let which = which.unwrap_or_else(|| "all".to_owned());
    trail.did(target(id), format!("group={name}&events={events}&positions={which}"));
    api.groups.look_again(id);
    Answer::json(&SettledEvents { events })
}

/// The group as it stands, with its id.
async fn known(api: &ReadApi, caller: Caller, name: &str) -> Result<(Uuid, ConsumerGroup), Problem> {
    let group = find(api, caller, name).await?;
    let id = api.group_store.find(caller.id, name).await.map_err(failed)?;
    Ok((id.ok_or(Code::NotFound)?, group))
}

/// Its name may be that of a person, so it stands with what was done, which is sealed.
fn target(group: Uuid) -> Target {
    Target::new("consumer_group", group)
}

async fn find(api: &ReadApi, caller: Caller, name: &str) -> Result<ConsumerGroup, Problem> {
    let found = api.group_store.get(caller.id, name).await.map_err(failed)?;
    found.ok_or_else(|| Code::NotFound.into())
}

fn interest(fields: &mut Fields<'_>, caller: Caller) -> Interest {
    let actor = |text: &str| person(text, Some(caller.id), false);
    Interest {
        types: fields.list("types", 0..=MAX_VALUES, parsed(EventPattern::parse)).unwrap_or_default(),
        aggregate: fields.optional("aggregate", any::<Uuid>),
        actor: fields.optional("actor", actor).flatten().map(UserId),
        filter: fields.optional("filter", parsed(|text| Filter::parse(text, FilterOver::Events))),
    }
}

fn positions(fields: &mut Fields<'_>) -> Option<Vec<i64>> {
    fields.list("positions", 1..=MAX_POSITIONS, any::<i64>)
}

/// The log, and the position before the first event that is meant.
async fn place(api: &ReadApi, start: Start) -> Result<(Uuid, i64), Problem> {
    let epoch = api.log.epoch().await.map_err(unlogged)?;
    let head = api.log.head().await.map_err(unlogged)?;
    let after = match start {
        Start::Beginning => 0,
        Start::Now => head,
        Start::At(Moment::Position(position)) if position > head + 1 => {
            return Err(Problem::new(Code::PositionAhead).with("head", head));
        }
        Start::At(moment) => api.log.position_before(moment).await.map_err(unlogged)?,
    };
    Ok((epoch, after))
}

fn differs() -> Problem {
    Problem::new(Code::StateConflict).detail(
        "There is a group of this name that gets other events: choose another name, or delete it first.",
        "같은 이름의 그룹이 다른 이벤트를 받고 있습니다. 다른 이름을 쓰거나 먼저 삭제하세요.",
    )
}

fn parsed<T>(parse: impl Fn(&str) -> Result<T, Violation>) -> impl Fn(&str) -> Result<T, Flaw> {
    move |text| parse(text).map_err(flaw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["a", "0", "billing.v2_eu-1", &"x".repeat(64)] {
            assert!(GroupName::parse(good).is_some(), "{good}");
        }
        for bad in ["", "A", "-a", ".a", "a b", "a/b", "\u{ac00}", &"x".repeat(65)] {
            assert!(GroupName::parse(bad).is_none(), "{bad}");
        }
    }
}
