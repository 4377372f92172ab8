//! `GET /v1/tasks/{id}`

use std::sync::Arc;

use axum::{extract::State, response::Response};
use chrono::Utc;
use domain::{
    policy::{Action, Decision, Relation, Role},
    task::values::Visibility,
};
use service::{
    audit::Trail,
    http::headers::IfNoneMatch,
    problem::{Code, Problem},
    query::Query,
};

use super::{
    answer::Answer,
    caller::Caller,
    failure::unread,
    fresh::{self, Fresh, MinPosition},
    path::TaskRef,
    revisions::{as_of, task_as_of},
};
use crate::{ReadApi, model::Task, queries::TaskSnapshot};

/// One task, as it stands or as it was. Who sees it today sees what it was.
#[utoipa::path(
    get, path = "/v1/tasks/{id}", tag = "tasks", operation_id = "get_task",
    params(
        ("id" = String, Path, description = "The task's id or key (`T-123`)"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
        ("as_of" = Option<String>, Query, nullable = false,
            description = "As the log had it at this position or time"),
        ("as_of_occurred" = Option<String>, Query, nullable = false,
            description = "After what had happened at this time, whenever the log heard of it"),
        ("If-None-Match" = Option<String>, Header, nullable = false,
            description = "304 if the task still has this ETag"),
    ),
    responses(
        (status = 200, body = Task, headers(
            ("ETag" = String, description = "The version, quoted"),
            ("Position" = i64, description = "All events up to here are in the answer"),
        )),
        (status = 304, description = "Unchanged"),
    ),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    task: TaskRef,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    let (min_position, moment) = (MinPosition::read(&mut query), as_of(&mut query));
    query.finish()?;
    let (task, fresh) = visible(&api, caller, &trail, task, min_position).await?;
    if let Some(moment) = moment {
        let (_, then) = task_as_of(&api, task.task.id, moment).await?;
        return Ok(Answer::json(&then)?.version(then.version).fresh(fresh).unless(known.as_ref()));
    }
    let answer = Answer::rendered(task.body.clone()).version(task.task.version).fresh(fresh);
    Ok(answer.unless(known.as_ref()))
}

/// The task if the caller may see it, fresh enough; else 404.
pub(super) async fn visible(
    api: &ReadApi,
    caller: Caller,
    trail: &Trail,
    task: TaskRef,
    min_position: MinPosition,
) -> Result<(Arc<TaskSnapshot>, Fresh), Problem> {
    let fresh = min_position.wait(api, fresh::TASKS).await?;
    if let TaskRef::Id(id) = task {
        min_position.narrow(api, fresh::TASKS, id, fresh)?;
    }
    let found = match task {
        TaskRef::Id(id) => api.tasks.by_id(id).await,
        TaskRef::Key(key) => api.tasks.by_key(key).await,
    };
    let found = found.map_err(unread)?.ok_or(Code::NotFound)?;
    must_see(caller, &found.task)?;
    let theirs = found.task.relation_to(caller.id) != Relation::default();
    if found.task.visibility == Visibility::Private && !theirs || is_purged(&found.task) {
        trail.shows_what_is_not_theirs();
    }
    let fresh = min_position.narrow(api, fresh::TASKS, found.task.id, fresh)?;
    Ok((found, fresh))
}

/// Deleted tasks can be seen until they are purged, afterwards by auditors only.
fn must_see(caller: Caller, task: &Task) -> Result<(), Problem> {
    let relation = task.relation_to(caller.id);
    if caller.decide(Action::TaskRead, Some(task.visibility), relation) != Decision::Allow {
        return Err(Problem::hidden());
    }
    if is_purged(task) && !caller.roles.has(Role::Auditor) { Err(Code::NotFound.into()) } else { Ok(()) }
}

fn is_purged(task: &Task) -> bool {
    task.purge_time.is_some_and(|time| time.as_datetime() <= Utc::now())
}
