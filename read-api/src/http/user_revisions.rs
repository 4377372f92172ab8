//! `GET /v1/users/{id}/revisions/{version}`, `/v1/users/{id}/diff`, and users as of a moment

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use domain::{
    policy::{Action, Relation},
    user::User as UserState,
};
use service::{
    audit::Trail,
    problem::{Code, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer,
    caller::Caller,
    failure::{failed, unlogged, untold},
    fresh::{self, Fresh, MinPosition},
    paging::Paging,
    path::{Id, uuid},
    revisions::{difference, must_have_been, sides},
};
use crate::{
    ReadApi,
    model::{Difference, User, UserRevision},
    queries::{self, Moment, Past, PastSources, UserFilter, past_users, user_at},
};

/// The user as he was then, for whoever may see what happened to him.
pub(super) async fn user_as_of(
    api: &ReadApi,
    id: Uuid,
    moment: Moment,
) -> Result<(Past<UserState>, User), Problem> {
    must_have_been(api, moment).await?;
    let past = user_at(&api.log, id, moment).await.map_err(untold)?.ok_or(Code::NotFound)?;
    let user = past.shown(&api.sealer).await.map_err(untold)?;
    Ok((past, user))
}

/// A page of users as they were, as far as the log had them.
pub(super) async fn users_as_of(
    api: &ReadApi,
    filter: &UserFilter,
    moment: Moment,
    paging: &Paging,
    min: MinPosition,
) -> Result<Answer, Problem> {
    let (moment, fresh) = match moment {
        Moment::Occurred(_) => (moment, min.wait(api, fresh::USERS).await?),
        Moment::Time(time) => reached(api, api.log.position_at(time).await.map_err(unlogged)?, min).await?,
        Moment::Position(position) | Moment::Version(position) => reached(api, position, min).await?,
    };
    let sources = PastSources { pool: &api.lists, log: &api.log, sealer: &api.sealer };
    let size = usize::try_from(paging.size()).unwrap_or_default();
    let page = past_users(sources, filter, moment, paging.after()?, size).await.map_err(untold)?;
    let next_page_token = page.next.map(|next| paging.seal(&next)).transpose()?.unwrap_or_default();
    paging.answer(page.users, next_page_token, fresh)
}

/// Once the users are there up to that position.
async fn reached(api: &ReadApi, position: i64, min: MinPosition) -> Result<(Moment, Fresh), Problem> {
    let fresh = min.or_later(position).wait(api, fresh::USERS).await?;
    Ok((Moment::Position(position), fresh))
}

/// What a user was tells as much as his history: it is for the same people, and it is known who has looked.
pub(super) fn may_look_back(caller: Caller, trail: &Trail, user: Uuid) -> Result<(), Problem> {
    if !caller.can(Action::UserHistory, caller.relation_to(user)) {
        return Err(Code::Forbidden.into());
    }
    if caller.id != user {
        trail.shows_what_is_not_theirs();
    }
    Ok(())
}

/// The same of everybody at once.
pub(super) fn may_look_back_at_all(caller: Caller, trail: &Trail) -> Result<(), Problem> {
    if !caller.can(Action::UserHistory, Relation::default()) {
        return Err(Code::Forbidden.into());
    }
    trail.shows_what_is_not_theirs();
    Ok(())
}

/// A user after one of his events, with the event and the way to those before and after it; for the user himself, admins and
/// auditors.
#[utoipa::path(
    get, path = "/v1/users/{id}/revisions/{version}", tag = "history", operation_id = "get_user_revision",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("version" = i64, Path, description = "The number of the event among those of the user, from 1"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = UserRevision, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("user.history"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    Path((id, version)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    let id = uuid(&id).ok_or(Code::InvalidId)?;
    let version = version.parse::<i64>().ok().filter(|number| *number > 0).ok_or(Code::InvalidId)?;
    let (now, fresh, ()) = seen(&api, caller, &trail, id, query, |_| ()).await?;
    if version > now.version {
        return Err(Code::NotFound.into());
    }
    let (past, user) = user_as_of(&api, id, Moment::Version(version)).await?;
    let entry = past.entry(&api.log, &api.sealer, &api.points).await.map_err(untold)?;
    let revision = UserRevision {
        version,
        position: past.last.position,
        entry,
        user,
        previous: (version > 1).then_some(version - 1),
        next: (version < now.version).then_some(version + 1),
    };
    Ok(Answer::json(&revision)?.fresh(fresh).into_response())
}

/// What is different between two moments of a user; for the user himself, admins and auditors.
#[utoipa::path(
    get, path = "/v1/users/{id}/diff", tag = "history", operation_id = "diff_user",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("from" = String, Query, description = "A version, `position:812`, or a time (as the log had it then)"),
        ("to" = Option<String>, Query, nullable = false, description = "The same; now without it"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Difference, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("user.history"))),
)]
pub(super) async fn diff(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    Id(id): Id,
    query: Query,
) -> Result<Response, Problem> {
    let (now, fresh, (from, to)) = seen(&api, caller, &trail, id, query, sides).await?;
    let from = from.unwrap_or(Moment::Version(1));
    let to = to.unwrap_or(Moment::Version(now.version));
    let ((before, old), (after, new)) = (user_as_of(&api, id, from).await?, user_as_of(&api, id, to).await?);
    Ok(Answer::json(&difference((&before, &old), (&after, &new))?)?.fresh(fresh).into_response())
}

/// The user as he stands, for a caller who may look back, once the query is read.
async fn seen<T>(
    api: &ReadApi,
    caller: Caller,
    trail: &Trail,
    id: Uuid,
    mut query: Query,
    read: impl FnOnce(&mut Query) -> T,
) -> Result<(User, Fresh, T), Problem> {
    may_look_back(caller, trail, id)?;
    let (min_position, read) = (MinPosition::read(&mut query), read(&mut query));
    query.finish()?;
    let fresh = min_position.wait(api, fresh::USERS).await?;
    let fresh = min_position.narrow(api, fresh::USERS, id, fresh)?;
    let row = queries::user(&api.points, id).await.map_err(failed)?.ok_or(Code::NotFound)?;
    Ok((row.user, fresh, read))
}
