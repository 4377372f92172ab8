//! `GET /v1/sync`

use axum::{
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use domain::policy::{Action, Relation};
use service::{
    audit::Trail,
    page_token::PageTokenError,
    problem::{Code, Flaw, Problem},
    query::Query,
};
use sha2::{Digest, Sha256};

use super::{
    answer::Answer,
    caller::Caller,
    failure::unlogged,
    fresh::{self, MinPosition},
    task_query::one_of,
};
use crate::{
    ReadApi,
    model::SyncPage,
    queries::Sight,
    sync::{Filling, Place, Wanted},
};

/// What `types` may name.
const KINDS: [(&str, Kind); 3] =
    [("tasks", Kind::Tasks), ("comments", Kind::Comments), ("users", Kind::Users)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tasks,
    Comments,
    Users,
}

/// Where the device says it is.
enum Since {
    Nowhere,
    Token(String),
}

/// What a device lacks: everything with `since=*`, later what has changed.
///
/// Go on with `next` as `since`, at once while `has_more`, else whenever the device is online. `next` never expires and grants
/// nothing; it is good for this caller and these `types`. With `reset` the device drops what it has first: a snapshot begins,
/// because it asked for one or because the caller's roles show other tasks than before. 410 `POSITION_EXPIRED`: the log was
/// restored; begin with `since=*`.
#[utoipa::path(
    get, path = "/v1/sync", tag = "sync", operation_id = "pull_changes",
    params(
        ("since" = String, Query, description = "`*`, or `next` of the answer before"),
        ("types" = Option<Vec<String>>, Query, nullable = false,
            description = "Any of `tasks`, `comments`, `users`; without it all that the caller may read"),
        ("page_size" = Option<u32>, Query, nullable = false, description = "About so many things; default 50, at most 1000"),
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = SyncPage, headers(
        ("Position" = i64, description = "All events up to here are in the answer, once there is no more"),
    ))),
    extensions(("x-policy" = json!("task.read"))),
)]
pub(super) async fn pull(
    State(api): State<ReadApi>,
    caller: Caller,
    trail: Trail,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::TaskRead)?;
    if caller.sight() == Sight::Everything {
        trail.shows_what_is_not_theirs();
    }
    let since = query.one("since", |text| match text {
        "*" => Ok(Since::Nowhere),
        "" => Err(Flaw::new("REQUIRED")),
        token => Ok(Since::Token(token.to_owned())),
    });
    if !query.has("since") {
        query.refuse("since", Flaw::new("REQUIRED"));
    }
    let kinds = query.many("types", |word| one_of(&KINDS, word));
    let (size, min_position) = (query.page_size(), MinPosition::read(&mut query));
    query.finish()?;
    let wanted = wanted(&kinds, caller)?;
    let fresh = min_position.wait(&api, fresh::TASKS).await?;
    let epoch = api.log.epoch().await.map_err(unlogged)?;
    let beginning = Place::beginning(epoch, fresh.position, caller.sight());
    let bound = bound_to(wanted, caller);
    let place = match since {
        Some(Since::Token(token)) => {
            let place: Place = api.page_tokens.open_of_any_age(uri.path(), bound, &token).map_err(foreign)?;
            if place.epoch != epoch {
                return Err(Code::PositionExpired.into());
            }
            if place.sight == beginning.sight { place } else { beginning }
        }
        Some(Since::Nowhere) | None => beginning,
    };
    let filling = Filling::new(&api, wanted, place, fresh.position, size as usize);
    let (mut page, next) = filling.fill().await?;
    page.reset = place == beginning;
    page.next = api.page_tokens.seal(uri.path(), bound, &next, Utc::now()).map_err(Problem::internal)?;
    Ok(Answer::json(&page)?.fresh(fresh).into_response())
}

fn foreign(error: PageTokenError) -> Problem {
    Problem::from(error).detail(
        "The token was not made for this caller and these types. Begin again with since=*.",
        "이 사용자와 types에 대한 토큰이 아닙니다. since=*로 다시 시작하세요.",
    )
}

/// What is named must be allowed; what is not named is what is.
fn wanted(kinds: &[Kind], caller: Caller) -> Result<Wanted, Problem> {
    let users = caller.can(Action::UserRead, Relation::default());
    let asked = |kind: Kind| kinds.is_empty() || kinds.contains(&kind);
    if kinds.contains(&Kind::Users) && !users {
        return Err(Code::Forbidden.into());
    }
    Ok(Wanted {
        tasks: asked(Kind::Tasks),
        comments: asked(Kind::Comments),
        users: users && asked(Kind::Users),
    })
}

/// Tokens are good for this caller and these types.
fn bound_to(wanted: Wanted, caller: Caller) -> [u8; 32] {
    let Wanted { tasks, comments, users } = wanted;
    Sha256::new()
        .chain_update([tasks, comments, users].map(u8::from))
        .chain_update(caller.id)
        .finalize()
        .into()
}
