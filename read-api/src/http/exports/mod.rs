//! `GET /v1/audit/exports/{id}/content`

mod lists;
mod table;
mod telling;

use std::io;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::policy::Action;
use futures_util::stream::{self, Stream, StreamExt};
use service::{
    deflated,
    http::{AcceptsGzip, headers::IfNoneMatch},
    problem::{Code, Problem},
    query::Query,
};
use sqlx::PgPool;
use tokio::task::spawn_blocking;

use super::{caller::Caller, failure::failed, path::Id};
use crate::{
    ReadApi,
    queries::{self, EXPORT, ExportFile},
};

/// The file that an export has become.
///
/// It is sent compressed to whoever accepts gzip. Lists are read while they are sent: each time they say of everybody what the list
/// would say then, nothing personal of who was erased, and there is neither `ETag` nor length. While the export is under way the
/// answer is 409, and afterwards 404 when it was given up or is older than a week.
#[utoipa::path(
    get, path = "/v1/audit/exports/{id}/content", tag = "audit", operation_id = "exports.content",
    params(("id" = Uuid, Path, description = "The export, an operation")),
    responses((status = 200, description = "The file, streamed",
        content((String = "application/x-ndjson"), (String = "text/csv")),
        headers(
            ("Content-Disposition" = String, description = "The name that it may be saved under"),
            ("ETag" = String, description = "SHA-256 of the file"),
        ),
    )),
    extensions(("x-policy" = json!("audit.read"))),
)]
pub(super) async fn content(
    State(api): State<ReadApi>,
    caller: Caller,
    Id(id): Id,
    known: Option<IfNoneMatch>,
    AcceptsGzip(packed): AcceptsGzip,
    query: Query,
) -> Result<Response, Problem> {
    caller.may(Action::AuditRead)?;
    query.finish()?;
    let Some(file) = queries::export_file(&api.points, id).await.map_err(failed)? else {
        let export = queries::list_export(&api.points, id).await.map_err(failed)?;
        if let Some(export) = export {
            let content = lists::content(&api, caller, export, packed).await?;
            return Ok(content.ok_or(Code::NotFound)?);
        }
        let operation = queries::operation(&api.points, id).await.map_err(failed)?;
        let under_way = operation.is_some_and(|one| one.kind == EXPORT && !one.has_ended());
        let code = if under_way { Code::StateConflict } else { Code::NotFound };
        return Err(Problem::new(code));
    };
    let tag = etag(&file, packed);
    if known.is_some_and(|known| known.has(&tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let mut response = Response::new(body(api.lists.clone(), &file, packed));
    let headers = response.headers_mut();
    let ExportFile { kind, first, last, format, .. } = &file;
    describe(headers, format, &format!("taskledger-{kind}-{first}-{last}.{format}"), packed);
    let ends = (deflated::HEAD.len() + deflated::tail(0, 0).len()) as i64;
    headers.insert(header::CONTENT_LENGTH, if packed { file.stored + ends } else { file.bytes }.into());
    headers.insert(header::ETAG, tag);
    Ok(response)
}

/// A compressed one has other bytes.
fn etag(file: &ExportFile, packed: bool) -> HeaderValue {
    let digits: String = file.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let packed = if packed { "-gzip" } else { "" };
    HeaderValue::try_from(format!("\"{digits}{packed}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

fn describe(headers: &mut HeaderMap, format: &str, name: &str, packed: bool) {
    let csv = format == "csv";
    let media_type = if csv { "text/csv; charset=utf-8; header=present" } else { "application/x-ndjson" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}

/// Piece by piece, each when the one before has been taken. A file that ends too early is cut off, which the client sees.
fn body(pool: PgPool, file: &ExportFile, packed: bool) -> Body {
    let pieces = pieces(pool, file, packed);
    if !packed {
        return Body::from_stream(pieces);
    }
    let (crc, bytes) = (u32::try_from(file.crc32).unwrap_or(0), u64::try_from(file.bytes).unwrap_or(0));
    let end = |bytes: &[u8]| stream::iter([Ok(Bytes::copy_from_slice(bytes))]);
    Body::from_stream(end(&deflated::HEAD).chain(pieces).chain(end(&deflated::tail(crc, bytes))))
}

fn pieces(pool: PgPool, file: &ExportFile, packed: bool) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let operation = file.operation;
    stream::iter(0..file.chunks).then(move |number| {
        let pool = pool.clone();
        async move {
            let piece = queries::export_piece(&pool, operation, number).await.map_err(io::Error::other)?;
            if packed {
                return Ok(Bytes::from(piece));
            }
            let plain = spawn_blocking(move || deflated::inflate(&piece)).await;
            plain.map_err(io::Error::other)?.map(Bytes::from)
        }
    })
}
