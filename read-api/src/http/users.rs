//! `GET /v1/users`, `/v1/users/me`, `/v1/users/{id}`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    policy::Action,
    user::values::{PersonName, UserState},
};
use service::{
    audit::Trail,
    http::headers::IfNoneMatch,
    problem::{Code, Problem},
    query::Query,
};
use uuid::Uuid;

use super::{
    answer::Answer,
    caller::Caller,
    failure::failed,
    fresh::{self, MinPosition},
    paging::ListQuery,
    path::Id,
    revisions::as_of,
    task_query::flaw,
    user_revisions::{may_look_back, may_look_back_at_all, user_as_of, users_as_of},
};
use crate::{
    ReadApi,
    model::{Page, User},
    queries::{self, Moment, UserCursor, UserFilter, UserRow},
};

/// The user as this caller may see him.
fn shown(caller: Caller, trail: &Trail, UserRow { mut user, .. }: UserRow) -> User {
    if !caller.can(Action::UserReadPrivate, caller.relation_to(user.id)) {
        user.private = None;
    } else if caller.id != user.id {
        trail.shows_what_is_not_theirs();
    }
    user
}

fn filter(query: &mut Query) -> UserFilter {
    UserFilter {
        states: query.many("state", |word| {
            word.parse::<UserState>().map(|state| state.as_str().to_owned()).map_err(flaw)
        }),
        name: query.one("q", |text| PersonName::parse(text).map(|name| name.to_string()).map_err(flaw)),
    }
}

/// Users, oldest first, as they stand or as they were. Everybody sees ids, names and states; admins see the rest too.
///
/// What they were is for admins and auditors. State and name are then those of that moment; a page of few among many may be
/// short, or empty, and the list still go on.
#[utoipa::path(
    get, path = "/v1/users", tag = "users", operation_id = "list_users",
    params(
        ("state" = Option<Vec<String>>, Query, nullable = false, description = "Any of `unverified`, `active`, `deactivated`"),
        ("q" = Option<String>, Query, nullable = false, description = "Part of the name"),
        ("as_of" = Option<String>, Query, nullable = false,
            description = "As the log had them at this position or time"),
        ("as_of_occurred" = Option<String>, Query, nullable = false,
            description = "After what had happened at this time, whenever the log heard of it"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "Default 50, at most 1000"),
        ("page_token" = Option<String>, Query, nullable = false, description = "`next_page_token` of the page before"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Page<User>, headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
        ("Link" = String, description = "The next page, `rel=\"next\"`"),
    ))),
    extensions(("x-policy" = json!("user.read"))),
)]
pub(super) async fn list(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    mut query: ListQuery,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Action::UserRead)?;
    let moment = as_of(&mut query.filters);
    if moment.is_some() {
        may_look_back_at_all(caller, &trail)?;
    }
    let filter = filter(&mut query.filters);
    let (paging, min_position) = query.finish(caller)?;
    if let Some(moment) = moment {
        return users_as_of(&api, &filter, moment, &paging, min_position).await;
    }
    let after: Option<UserCursor> = paging.after()?;
    let fresh = min_position.wait(&api, fresh::USERS).await?;
    let mut rows = queries::users(&api.lists, &filter, after, paging.limit()).await.map_err(failed)?;
    let next_page_token = paging.cut(&mut rows, UserCursor::behind)?;
    let items: Vec<User> = rows.into_iter().map(|row| shown(caller, &trail, row)).collect();
    paging.answer(items, next_page_token, fresh)
}

/// The caller's own record.
#[utoipa::path(
    get, path = "/v1/users/me", tag = "users", operation_id = "get_me",
    params(
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses(
        (status = 200, body = User, headers(
            ("ETag" = String, description = "The version, quoted"),
            ("Position" = i64, description = "All events up to here are in the answer"),
        )),
        (status = 304, description = "Unchanged"),
    ),
    extensions(("x-policy" = json!("user.read"))),
)]
pub(super) async fn me(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    known: Option<IfNoneMatch>,
    query: Query,
) -> Result<Response, Problem> {
    one(&api, caller, &trail, caller.id, None, known, query).await
}

/// One user, as he stands or as he was. Everybody sees id, name and state; the user himself and admins see the rest too. What
/// he was is for the user himself, admins and auditors.
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "users", operation_id = "get_user",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
        ("as_of" = Option<String>, Query, nullable = false,
            description = "As the log had it at this position or time"),
        ("as_of_occurred" = Option<String>, Query, nullable = false,
            description = "After what had happened at this time, whenever the log heard of it"),
    ),
    responses(
        (status = 200, body = User, headers(
            ("ETag" = String, description = "The version, quoted"),
            ("Position" = i64, description = "All events up to here are in the answer"),
        )),
        (status = 304, description = "Unchanged"),
    ),
    extensions(("x-policy" = json!("user.read"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    Id(id): Id,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    let moment = as_of(&mut query);
    if moment.is_some() {
        may_look_back(caller, &trail, id)?;
    }
    one(&api, caller, &trail, id, moment, known, query).await
}

async fn one(
    api: &ReadApi,
    caller: Caller,
    trail: &Trail,
    id: Uuid,
    moment: Option<Moment>,
    known: Option<IfNoneMatch>,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::UserRead)?;
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(api, fresh::USERS).await?;
    let fresh = min_position.narrow(api, fresh::USERS, id, fresh)?;
    let row = queries::user(&api.points, id).await.map_err(failed)?.ok_or(Code::NotFound)?;
    if let Some(moment) = moment {
        let (_, then) = user_as_of(api, id, moment).await?;
        return Ok(Answer::json(&then)?.version(then.version).fresh(fresh).unless(known.as_ref()));
    }
    let version = row.user.version;
    Ok(Answer::json(&shown(caller, trail, row))?.version(version).fresh(fresh).unless(known.as_ref()))
}
