//! `GET /v1/users/me/export`

use std::io;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::policy::Action;
use futures_util::stream;
use serde_json::json;
use service::{
    problem::{Code, Problem},
    query::Query,
};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{
    caller::Caller,
    failure::failed,
    fresh::{self, MinPosition},
};
use crate::{
    ReadApi,
    model::{Personal, User},
    queries::{self, Archives, ExportError, export},
};

/// Lines that may wait for the reader.
const QUEUE: usize = 64;
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Everything that is known of oneself, a line of JSON each.
///
/// Profile, preferences, devices, outside identities, sessions, tasks that one has created, is assigned to or watches, one's
/// comments, notices, and what happened to one's account. The last line of a whole export is of the kind `end`.
#[utoipa::path(
    get, path = "/v1/users/me/export", tag = "users", operation_id = "export_me",
    params(
        ("min_position" = Option<i64>, Query, nullable = false,
            description = "Wait until the answer shows this position (2 s at most)"),
    ),
    responses((status = 200, body = Personal, content_type = "application/x-ndjson", headers(
        ("Position" = i64, description = "All events up to here are in the answer"),
    ))),
    extensions(("x-policy" = json!("user.read_private"))),
)]
pub(super) async fn get(
    State(api): State<ReadApi>,
    caller: Caller,
    mut query: Query,
) -> Result<Response, Problem> {
    let may = caller.can(Action::UserReadPrivate, caller.relation_to(caller.id));
    // It is for people, not for their programs.
    if !may || caller.scopes.is_some() {
        return Err(Code::Forbidden.into());
    }
    let min_position = MinPosition::read(&mut query);
    query.finish()?;
    let fresh = min_position.wait(&api, fresh::TASKS).await?;
    let me = queries::user(&api.points, caller.id).await.map_err(failed)?.ok_or(Code::NotFound)?;
    let (sender, lines) = mpsc::channel(QUEUE);
    tokio::spawn(async move { write(&api, &me.user, sender).await });
    let mut response = body(lines).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, NDJSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    fresh.tell(response.headers_mut());
    Ok(response)
}

/// What was not written to its end has no last line.
async fn write(api: &ReadApi, me: &User, out: Sender<Personal>) {
    let profile = Personal { kind: "profile", data: serde_json::to_value(me).unwrap_or_default() };
    let archives = Archives { tables: &api.lists, log: &api.log, sealer: &api.sealer };
    let written = async {
        out.send(profile).await.map_err(|_| ExportError::Gone)?;
        let lines = 1 + export(&archives, me.id, &out).await?;
        let end = Personal { kind: "end", data: json!({"lines": lines}) };
        out.send(end).await.map_err(|_| ExportError::Gone)
    };
    tokio::select! {
        written = written => match written {
            Ok(()) | Err(ExportError::Gone) => {}
            Err(error) => tracing::warn!(%error, "an export has no end"),
        },
        () = api.shutdown.begun() => {}
    }
}

fn body(lines: Receiver<Personal>) -> Body {
    let chunks = stream::unfold(lines, |mut lines| async move {
        let line = lines.recv().await?;
        let line = serde_json::to_vec(&line).map(|line| Bytes::from([&line[..], b"\n"].concat()));
        Some((line.map_err(io::Error::from), lines))
    });
    Body::from_stream(chunks)
}
