//! `GET /v1/tasks/{id}/revisions/{version}`, `/v1/tasks/{id}/diff`, and tasks as of a moment

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::{filter::Then, time::Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use service::{
    audit::Trail,
    problem::{Code, Flaw, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer,
    asking::Asking,
    caller::Caller,
    failure::{unlogged, untold},
    fresh::{Fresh, MinPosition},
    path::TaskRef,
    task_get::visible,
    task_query::flaw,
};
use crate::{
    ReadApi,
    model::{Difference, FieldChange, Revision, RevisionRef, Task},
    queries::{Moment, Past, task_at},
};

/// Fields that say which revision it is, not what it is like.
const OF_THE_REVISION: [&str; 3] = ["version", "update_time", "allowed"];

/// The moment that a query asks for, if any: `as_of` or `as_of_occurred`.
pub(super) fn as_of(query: &mut Query) -> Option<Moment> {
    Then::read(&mut Asking(query)).map(Moment::from)
}

fn instant(text: &str) -> Result<Timestamp, Flaw> {
    domain::filter::instant(text).map_err(flaw)
}

/// The task as it was then.
pub(super) async fn task_as_of(api: &ReadApi, id: Uuid, moment: Moment) -> Result<(Past, Task), Problem> {
    must_have_been(api, moment).await?;
    let past = task_at(&api.log, id, moment).await.map_err(untold)?.ok_or(Code::NotFound)?;
    let task = past.shown(&api.points).await.map_err(untold)?;
    Ok((past, task))
}

/// Refuses positions that the log has not reached.
pub(super) async fn must_have_been(api: &ReadApi, moment: Moment) -> Result<(), Problem> {
    let Moment::Position(position) = moment else { return Ok(()) };
    let head = api.log.head().await.map_err(unlogged)?;
    if position > head { Err(Problem::new(Code::PositionAhead).with("head", head)) } else { Ok(()) }
}

/// A task after one of its events, with the event and the way to those before and after it.
///
/// Who sees the task today sees what it was.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/revisions/{version}", tag = "history", operation_id = "get_task_revision",
    params(
        ("id" = String, Path, description = "The task's id or key (`T-123`)"),
        ("version" = i64, Path, description = "The number of the event among those of the task, from 1"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Revision, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    Path((id, version)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    let task = TaskRef::parse(&id).ok_or(Code::InvalidId)?;
    let version = version.parse::<i64>().ok().filter(|number| *number > 0).ok_or(Code::InvalidId)?;
    let (now, fresh, ()) = seen(&api, caller, &trail, task, query, |_| ()).await?;
    if version > now.version {
        return Err(Code::NotFound.into());
    }
    let (past, task) = task_as_of(&api, now.id, Moment::Version(version)).await?;
    let entry = past.entry(&api.log, &api.points).await.map_err(untold)?;
    let revision = Revision {
        version,
        position: past.last.position,
        entry,
        task,
        previous: (version > 1).then_some(version - 1),
        next: (version < now.version).then_some(version + 1),
    };
    Ok(Answer::json(&revision)?.fresh(fresh).into_response())
}

/// What is different between two moments of a task.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/diff", tag = "history", operation_id = "diff_task",
    params(
        ("id" = String, Path, description = "The task's id or key (`T-123`)"),
        ("from" = String, Query, description = "A version, `position:812`, or a time (as the log had it then)"),
        ("to" = Option<String>, Query, nullable = false, description = "The same; now without it"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Difference, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn diff(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    task: TaskRef,
    query: Query,
) -> Result<Response, Problem> {
    let (now, fresh, (from, to)) = seen(&api, caller, &trail, task, query, sides).await?;
    let from = from.unwrap_or(Moment::Version(1));
    let to = to.unwrap_or(Moment::Version(now.version));
    let ((before, old), (after, new)) =
        (task_as_of(&api, now.id, from).await?, task_as_of(&api, now.id, to).await?);
    Ok(Answer::json(&difference((&before, &old), (&after, &new))?)?.fresh(fresh).into_response())
}

/// The two moments that a query asks about; without an end, the present.
pub(super) fn sides(query: &mut Query) -> (Option<Moment>, Option<Moment>) {
    let from = query.one("from", moment);
    if !query.has("from") {
        query.refuse("from", Flaw::new("REQUIRED"));
    }
    (from, query.one("to", moment))
}

fn moment(text: &str) -> Result<Moment, Flaw> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0);
    match text.strip_prefix("position:") {
        Some(position) => number(position).map(Moment::Position).ok_or_else(|| Flaw::new("NOT_AN_INTEGER")),
        None => number(text)
            .map_or_else(|| instant(text).map(Moment::Time), |version| Ok(Moment::Version(version))),
    }
}

/// The task as it stands, for a caller who sees it, once the query is read.
async fn seen<T>(
    api: &ReadApi,
    caller: Caller,
    trail: &Trail,
    task: TaskRef,
    mut query: Query,
    read: impl FnOnce(&mut Query) -> T,
) -> Result<(Task, Fresh, T), Problem> {
    let (min_position, read) = (MinPosition::read(&mut query), read(&mut query));
    query.finish()?;
    let (now, fresh) = visible(api, caller, trail, task, min_position).await?;
    Ok((now.task.clone(), fresh, read))
}

/// What is different between two states of one thing.
pub(super) fn difference<A, T: Serialize>(
    (before, old): (&Past<A>, &T),
    (after, new): (&Past<A>, &T),
) -> Result<Difference, Problem> {
    let changes = changes(&fields(old)?, &fields(new)?);
    Ok(Difference { from: reference(before), to: reference(after), changes })
}

fn reference<A>(past: &Past<A>) -> RevisionRef {
    let last = &past.last;
    RevisionRef { version: last.sequence, position: last.position, occurred_at: last.metadata.occurred_at }
}

fn fields(shown: &impl Serialize) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(shown).map_err(Problem::internal)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Code::Internal.into()),
    }
}

fn changes(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<FieldChange> {
    let differ = |(field, new): (&String, &Value)| {
        let old = old.get(field).cloned().unwrap_or_default();
        let told = old != *new && !OF_THE_REVISION.contains(&field.as_str());
        told.then(|| FieldChange { field: field.clone(), old, new: new.clone() })
    };
    new.iter().filter_map(differ).collect()
}
