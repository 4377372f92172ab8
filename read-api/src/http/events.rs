//! `GET /v1/events`, `/v1/events/stream`, `/v1/events/{position}`

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use domain::{
    event::EventPattern,
    filter::{Filter, FilterOver},
    ids::UserId,
    policy::Action,
};
use event_store::envelope::{CONTENT_TYPE, Envelope};
use serde_json::{json, value::RawValue};
use service::{
    http::Wait,
    problem::{Code, Flaw, Problem},
    query::Query,
};
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{
    answer::Answer,
    caller::Caller,
    failure::unlogged,
    fresh::MinPosition,
    path::uuid,
    place::{last_event_id, place},
    task_query::{flaw, person},
};
use crate::{
    ReadApi,
    events::{Following, Interest, Place, Selection, Subscription, Words, tell},
    model::{Event, EventPage},
    streams::{Frame, Listener},
};

/// More values of one parameter are refused.
pub(super) const MAX_VALUES: usize = 50;
/// Longest time for one pull that does not wait: who asks for what is rare goes on from where it ends.
const LOOKING: Duration = Duration::from_secs(3);
/// A page that has come to so many bytes gets no more events.
const PAGE_BYTES: usize = 4 << 20;

/// Which events, as OpenAPI shows it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the documentation of what `ask` reads")]
pub(super) struct EventParams {
    /// Events behind this position; 0 = from the beginning. Without it a pull begins there, a stream with what comes next.
    #[param(nullable = false)]
    after: Option<i64>,
    /// The log that `after` is a place of; refused with 410 if the log is another one by now.
    #[param(nullable = false)]
    epoch: Option<Uuid>,
    /// Any of these types, `task.assigned`, or all that begin alike, `task.*`.
    #[param(nullable = false)]
    types: Option<Vec<String>>,
    /// What happened to this task or user.
    #[param(nullable = false)]
    aggregate: Option<Uuid>,
    /// What this user has done, or `me`.
    #[param(nullable = false)]
    actor: Option<String>,
    /// An expression over the event, and its task as it was after it: `priority = urgent AND type = task.created`.
    #[param(nullable = false)]
    filter: Option<String>,
}

/// What was asked for.
pub(crate) struct Asked {
    pub(crate) selection: Selection,
    pub(crate) after: Option<i64>,
    pub(crate) epoch: Option<Uuid>,
}

/// Reads what events are asked for.
pub(crate) fn ask(query: &mut Query, caller: Caller) -> Asked {
    let types = query.many("types", |text| EventPattern::parse(text).map_err(flaw));
    if types.len() > MAX_VALUES {
        query.refuse("types", Flaw::new("TOO_MANY").param("max", MAX_VALUES));
    }
    let interest = Interest {
        types,
        aggregate: query.one("aggregate", |text| uuid(text).ok_or_else(|| Flaw::new("NOT_A_UUID"))),
        actor: query.one("actor", |text| person(text, Some(caller.id), false)).flatten().map(UserId),
        filter: query.one("filter", |text| Filter::parse(text, FilterOver::Events).map_err(flaw)),
    };
    let selection = Selection {
        user: UserId(caller.id),
        roles: caller.roles,
        scopes: caller.scopes,
        interest,
        since: std::time::Instant::now(),
    };
    let epoch = query.one("epoch", |text| uuid(text).ok_or_else(|| Flaw::new("NOT_A_UUID")));
    Asked { selection, after: query.one("after", place), epoch }
}

/// Events behind a position, in the order of the log.
///
/// With `Prefer: wait=20` the answer comes with the next event that is asked for, or after so many seconds. Go on with `after`
/// and `epoch` of the answer. A page may hold fewer events than `page_size` before everything was looked at: three seconds or
/// four mebibytes are enough for one. `caught_up` says that there is nothing more for now.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", operation_id = "pull_events",
    params(EventParams,
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
        ("Prefer" = Option<String>, Header, nullable = false,
            description = "`wait=20`: answer when there is something, or after so many seconds (24 at most)"),
    ),
    responses((status = 200, body = EventPage, headers(
        ("Position" = i64, description = "The end of the log"),
        ("Preference-Applied" = String, description = "`wait=` and the seconds that were granted"),
    ))),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn pull(
    State(api): State<ReadApi>,
    caller: Caller,
    wait: Wait,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    let asked = ask(&mut query, caller);
    let (size, min_position) = (query.page_size() as usize, MinPosition::read(&mut query));
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let after = Some(asked.after.unwrap_or(0));
    let mut subscription = Subscription::open(&api, asked.selection, after, asked.epoch).await?;
    let page = look(&mut subscription, size, wait).await?;
    let mut response = Answer::json(&page)?.fresh(fresh).into_response();
    wait.tell(response.headers_mut());
    Ok(response)
}

/// Until the page is full, by number or bytes, time is up, or there is nothing more and nobody waits.
async fn look(subscription: &mut Subscription, size: usize, wait: Wait) -> Result<EventPage, Problem> {
    let until = Instant::now() + wait.limit().unwrap_or(LOOKING);
    let (mut events, mut bytes, mut caught_up) = (Vec::<Arc<Envelope>>::new(), 0, false);
    let waits = |events: &[_]| wait.limit().is_some() && events.is_empty();
    while events.len() < size && bytes < PAGE_BYTES && (!caught_up || waits(&events)) {
        let Ok(next) = timeout_at(until, subscription.next(size - events.len())).await else { break };
        let next = next?;
        caught_up |= next.caught_up;
        bytes += next.events.iter().map(|event| event.bytes.len()).sum::<usize>();
        events.extend(next.events);
    }
    let items: Result<Vec<Box<RawValue>>, _> =
        events.iter().map(|event| serde_json::from_slice(&event.bytes)).collect();
    let place = subscription.place();
    Ok(EventPage {
        items: items.map_err(Problem::internal)?,
        after: place.after,
        epoch: place.epoch,
        caught_up,
    })
}

/// One event.
#[utoipa::path(
    get, path = "/v1/events/{position}", tag = "events", operation_id = "get_event",
    params(
        ("position" = i64, Path, description = "Its place in the log"),
        ("min_position" = Option<i64>, Query, nullable = false, description = "Must be in the log, as all answers here are"),
    ),
    responses((status = 200, description = "The event", content((Event = "application/cloudevents+json")), headers(
        ("Position" = i64, description = "The end of the log"),
    ))),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    Path(position): Path<String>,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    let position = position.parse::<i64>().ok().filter(|place| *place > 0).ok_or(Code::InvalidId)?;
    let min_position = MinPosition::read(&mut query);
    let selection = ask(&mut Query::default(), caller).selection;
    query.finish()?;
    let fresh = min_position.in_log(&api).await?;
    let recorded = api.log.event_at(position).await.map_err(unlogged)?.ok_or(Code::NotFound)?;
    let event = Arc::new(Envelope::try_from(recorded).map_err(Problem::internal)?);
    if !selection.takes(&api.following, &event).await.map_err(unlogged)? {
        return Err(Problem::hidden());
    }
    let mut response = Answer::rendered(event.bytes.clone()).fresh(fresh).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    Ok(response)
}

/// Events as they happen, as server-sent events.
///
/// Each event has its position as `id`: who comes again with it as `Last-Event-ID` goes on behind it. `caught_up` says that
/// there is nothing more for now, `checkpoint` how far was looked for what is rare; both bear a place to go on from. A stream
/// that is closed from here ends with `closed`, whose data is a problem: `TOKEN_EXPIRED` say, or `FELL_BEHIND`.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events", operation_id = "stream_events",
    params(EventParams, ("Last-Event-ID" = Option<i64>, Header, nullable = false, description = "Counts before `after`")),
    responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream")),
    extensions(("x-policy" = json!("event.stream"))),
)]
pub(super) async fn stream(
    State(api): State<ReadApi>,
    caller: Caller,
    listener: Listener,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::EventStream)?;
    let asked = ask(&mut query, caller);
    query.finish()?;
    // A browser that connects again repeats the query.
    let after = last_event_id(&headers)?.or(asked.after);
    let subscription = Subscription::open(&api, asked.selection, after, asked.epoch).await?;
    listener.listen(|outlet| tell::<ServerSent>(subscription, outlet))
}

/// As server-sent events.
struct ServerSent;

impl Words for ServerSent {
    type Item = Frame;

    fn event(following: &Following, event: &Arc<Envelope>, _: Place) -> Result<Frame, Problem> {
        Ok(following.frame(event))
    }

    fn caught_up(at: Place) -> Result<Frame, Problem> {
        standing("caught_up", at)
    }

    fn checkpoint(at: Place) -> Result<Frame, Problem> {
        standing("checkpoint", at)
    }
}

fn standing(event: &str, Place { after, epoch }: Place) -> Result<Frame, Problem> {
    Frame::json_at(after, event, &json!({ "after": after, "epoch": epoch })).map_err(Problem::internal)
}
